/** Content of one stream: both directions as text, as JSON, or the bytes of one direction. */
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import * as Stream from "effect/Stream"
import * as Follow from "../../../../capture/view/Follow.ts"
import * as HexDump from "../../../../capture/view/HexDump.ts"
import * as Units from "../../../../capture/view/Units.ts"
import * as TerminalText from "../../../../network/TerminalText.ts"
import { CannotRead } from "../../../common/CliErrors.ts"
import type { Input, StreamChoice } from "./Input.ts"
import { write } from "./list.ts"
import * as NodeOutput from "./NodeOutput.ts"
import type { Pipeline } from "./Pipeline.ts"
import * as packetText from "./packetText.ts"

/** Bytes of one direction that are printed together, until the other one speaks. */
const turnBytes = 65_536

/** Marks and colours of the directions, as in Wireshark: the client is red, the server blue. */
const marks = { client: { prefix: "> ", colour: "31" }, server: { prefix: "< ", colour: "34" } } as const

/** Returns the bytes as text; undefined if they are not UTF-8 or have control characters. */
const decodeText = (bytes: Uint8Array): string | undefined => {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
    return /[^\P{Cc}\t\r\n]/u.test(text) ? undefined : text
  } catch {
    return undefined
  }
}

/** Formats one turn of a direction: its lines if it is text, else a hex dump from an offset. */
const turnLines = (bytes: Uint8Array, offset: number): ReadonlyArray<string> => {
  const text = decodeText(bytes)
  if (text === undefined) return HexDump.lines(bytes, offset)
  return text
    .replace(/\r?\n$/, "")
    .split(/\r?\n/)
    .map(TerminalText.escapeLines)
}

const plain = (line: string) => `${line}\n`

const coloured = (colour: string) => (line: string) => `\u001b[${colour}m${line}\u001b[0m\n`

/** Joins pieces of one direction to turns. */
const makeTurns = (isColoured: boolean) => {
  const offsets = { client: 0, server: 0 }
  let side: Follow.Side = "client"
  let pieces: Array<Uint8Array> = []
  let held = 0

  const flush = (): string => {
    if (held === 0) return ""
    const bytes = new Uint8Array(held)
    let at = 0
    for (const piece of pieces) {
      bytes.set(piece, at)
      at += piece.length
    }
    const { colour, prefix } = marks[side]
    const lines = turnLines(bytes, offsets[side])
    offsets[side] += held
    pieces = []
    held = 0
    return lines.map((line) => (isColoured ? coloured(colour) : plain)(`${prefix}${line}`)).join("")
  }
  return {
    flush,
    add: (piece: Follow.Piece): string => {
      const before = piece.side === side && held < turnBytes && "bytes" in piece ? "" : flush()
      side = piece.side
      if ("bytes" in piece) {
        pieces.push(piece.bytes)
        held += piece.bytes.length
        return before
      }
      offsets[side] += piece.missing
      return `${before}${marks[side].prefix}[${Units.counted(piece.missing, "byte")} missing in the capture]\n`
    }
  }
}

const pieceJson = (piece: Follow.Piece, startNanos: bigint) => {
  const { at, number, side } = piece
  const place = { side, number, time: packetText.formatSeconds(at - startNanos) }
  if ("missing" in piece) return `${packetText.safeJson({ ...place, missing: piece.missing })}\n`
  const text = decodeText(piece.bytes)
  const content = text === undefined ? { base64: Base64.encode(piece.bytes) } : { text }
  return `${packetText.safeJson({ ...place, length: piece.bytes.length, ...content })}\n`
}

const filterOf = ({ protocol, stream }: StreamChoice) => `${protocol.toLowerCase()}.stream == ${stream}`

/** Returns what may keep packets of a stream from being found, and what to do. */
const adviceOf = ({ count, filter }: Input) => {
  const limits = [...(filter === undefined ? [] : ["--filter"]), ...(count === undefined ? [] : ["--count"])]
  if (limits.length === 0) return ": --statistics lists the streams"
  return ` among the packets that ${limits.join(" and ")} ${limits.length === 1 ? "selects" : "select"}: leave ${limits.length === 1 ? "it" : "them"} out`
}

/** Counts bytes, gaps and packets with data of both directions. */
const makeTotals = () => {
  const totals = { client: { bytes: 0, missing: 0, pieces: 0 }, server: { bytes: 0, missing: 0, pieces: 0 } }
  const describe = (side: Follow.Side) => {
    const { bytes, missing, pieces } = totals[side]
    const gap = missing === 0 ? "" : `, ${Units.counted(missing, "byte")} missing`
    return `${side} ${Units.counted(bytes, "byte")} in ${Units.counted(pieces, "packet")}${gap}`
  }
  return {
    add: (piece: Follow.Piece) => {
      const total = totals[piece.side]
      if ("missing" in piece) total.missing += piece.missing
      else {
        total.bytes += piece.bytes.length
        total.pieces++
      }
    },
    text: () => `${describe("client")}; ${describe("server")}`
  }
}

type Format = (pieces: ReadonlyArray<Follow.Piece>, startNanos: bigint) => string

/** Prints the stream as text for a person, with its ends before and its totals after. */
const makeText = (choice: StreamChoice, ends: Follow.Follow["ends"], isColoured: boolean) => {
  const turns = makeTurns(isColoured)
  const totals = makeTotals()
  let isStarted = false
  const heading = () => {
    const found = ends()
    if (isStarted || found === undefined) return ""
    isStarted = true
    const { client, server } = found
    return `${filterOf(choice)}: client ${packetText.formatEndpoint(client)}, server ${packetText.formatEndpoint(server)}\n`
  }
  const format: Format = (pieces) => {
    const start = heading()
    for (const piece of pieces) totals.add(piece)
    return start + pieces.map(turns.add).join("")
  }
  return { format, finish: () => `${heading()}${turns.flush()}${totals.text()}\n` }
}

/** Prints the stream that the options choose; fails if the capture does not have it. */
export const run = Effect.fnUntraced(function* (pipeline: Pipeline, input: Input, choice: StreamChoice) {
  const { followRaw, json } = input
  const follow = Follow.make(choice)
  const isColoured = !json && followRaw === undefined && NodeOutput.isColoured()
  const text = makeText(choice, follow.ends, isColoured)
  const print = (pieces: ReadonlyArray<Follow.Piece>, end: string) => {
    if (followRaw !== undefined)
      return Effect.forEach(
        pieces.flatMap((piece) => (piece.side === followRaw && "bytes" in piece ? [piece.bytes] : [])),
        write,
        { discard: true }
      )
    const format: Format = json ? (some, start) => some.map((one) => pieceJson(one, start)).join("") : text.format
    const output = `${format(pieces, pipeline.startNanos())}${json ? "" : end}`
    if (output === "") return Effect.void
    return isColoured ? NodeOutput.write(output) : write(output)
  }
  const exit = yield* Effect.exit(
    Stream.runForEach(pipeline.groups, (packets) => {
      const pieces = packets.flatMap(({ analysis, packet }) => follow.add(packet, analysis))
      return pieces.length === 0 ? Effect.void : print(pieces, "")
    })
  )
  if (follow.ends() !== undefined) {
    const last = follow.finish()
    yield* print(last, "")
    if (followRaw === undefined) yield* print([], text.finish())
  }
  yield* exit
  if (follow.ends() === undefined)
    return yield* new CannotRead({
      message: `${pipeline.name}: no packet of ${filterOf(choice)}${adviceOf(input)}`
    })
})
