/** The command `capture read`. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as PlatformError from "effect/PlatformError"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as CaptureReader from "../../capture/CaptureReader.ts"
import * as Diagram from "../../capture/Diagram.ts"
import * as Payload from "../../capture/Payload.ts"
import * as Pcapng from "../../capture/Pcapng.ts"
import * as PcapngDecoder from "../../capture/PcapngDecoder.ts"
import type * as Endpoint from "../../network/Endpoint.ts"
import type * as Packet from "../../network/Packet.ts"
import * as SystemErrorText from "../../network/SystemErrorText.ts"
import * as TerminalText from "../../network/TerminalText.ts"
import * as Table from "../../terminal/Table.ts"
import { CannotRead, UsageError } from "../common/CliErrors.ts"
import { dissectors } from "./common/dissectors.ts"

interface Input {
  readonly file: string
  readonly json: boolean
  readonly diagram: "text" | "mermaid" | undefined
}

const reasonOf = ({ message, reason }: PlatformError.PlatformError) =>
  reason.cause instanceof Error ? SystemErrorText.format(reason.cause) : message

/** Number of packets that a diagram shows of the start of a file, and again of its end. */
const diagramEdgePackets = 50

const formatEndpoint = ({ address, port }: Endpoint.Endpoint) => {
  const host = address.includes(":") && port !== 0 ? `[${address}]` : address
  return port === 0 ? host : `${host}:${port}`
}

const summaryOf = (captured: CaptureReader.CapturedPacket) => {
  const packet = CaptureReader.toObservedPacket(captured)
  if (packet !== undefined) return Payload.summary(packet, dissectors)
  return captured.payload.length === 1 ? "1 byte" : `${captured.payload.length} bytes`
}

const formatSeconds = (nanoseconds: bigint) => {
  const digits = `${nanoseconds < 0n ? -nanoseconds : nanoseconds}`.padStart(10, "0")
  return `${nanoseconds < 0n ? "-" : ""}${digits.slice(0, -9)}.${digits.slice(-9)}`
}

const columns = [Table.right(13), Table.left(0), Table.left(4), Table.right(6)]

const formatLine = (captured: CaptureReader.CapturedPacket, first: bigint) => {
  const { at, comments, from, payload, problems, protocol, to } = captured
  const ends = from === undefined || to === undefined ? "" : `${formatEndpoint(from)} > ${formatEndpoint(to)}`
  const notes = [...comments, ...problems].map((note) => ` [${TerminalText.escape(note)}]`).join("")
  const cells = [formatSeconds(at - first), ends, protocol, payload.length]
  return `${Table.formatRow(columns, cells, "  ")}  ${summaryOf(captured)}${notes}`
}

const toJson = (captured: CaptureReader.CapturedPacket, first: bigint) => {
  const { at, comments, from, host, originalLength: length, payload, problems, protocol, tcp, to } = captured
  const { ack, flags, seq } = tcp ?? {}
  const value = {
    time: formatSeconds(at - first),
    at: `${at}`,
    host,
    protocol,
    from,
    to,
    length: payload.length,
    frame: length,
    seq,
    ack,
    flags,
    summary: summaryOf(captured),
    comments,
    problems
  }
  return JSON.stringify(value)
}

/** Streams the packets of a file; fails at the first error, after the packets before it. */
const packets = (file: string) =>
  Stream.suspend(() => {
    const decoder = PcapngDecoder.make()
    const readBlock = CaptureReader.make()
    const takePackets = () => {
      const found: Array<CaptureReader.CapturedPacket> = []
      for (let block = decoder.take(); block !== undefined; block = decoder.take()) {
        if (block instanceof Pcapng.PcapngError) return { found, failure: block }
        const captured = readBlock(block)
        if (captured !== undefined) found.push(captured)
      }
      return { found, failure: undefined }
    }
    const fail = (error: Pcapng.PcapngError) => Stream.fail(new CannotRead({ message: `${file}: ${error.message}` }))
    const stream = Effect.map(FileSystem.FileSystem, (fs) => fs.stream(file)).pipe(Stream.unwrap)
    return stream.pipe(
      Stream.mapError(
        (error: PlatformError.PlatformError) => new CannotRead({ message: `${file}: ${reasonOf(error)}` })
      ),
      Stream.flatMap((bytes) => {
        decoder.feed(bytes)
        const { failure, found } = takePackets()
        const good = Stream.fromIterable(found)
        return failure === undefined ? good : Stream.concat(good, fail(failure))
      }),
      Stream.concat(
        Stream.suspend(() => {
          const failure = decoder.finish()
          return failure === undefined ? Stream.empty : fail(failure)
        })
      )
    )
  })

/** Creates a collector of the first and last packets for a diagram, without acknowledgements of data. */
const makeCollector = () => {
  const head: Array<Packet.ObservedPacket> = []
  let tail: Array<Packet.ObservedPacket> = []
  let dropped = 0
  let synackSeen = false
  return {
    add: (captured: CaptureReader.CapturedPacket) => {
      const packet = CaptureReader.toObservedPacket(captured)
      if (packet === undefined) return
      const completesHandshake = synackSeen
      synackSeen = packet.kind === "synack"
      if (packet.kind === "ack" && !completesHandshake) return
      if (head.length < diagramEdgePackets) head.push(packet)
      else tail.push(packet)
      if (tail.length < 2 * diagramEdgePackets) return
      dropped += diagramEdgePackets
      tail = tail.slice(diagramEdgePackets)
    },
    draw: (draw: typeof Diagram.text) => {
      if (head.length === 0) return undefined
      const excess = Math.max(0, tail.length - diagramEdgePackets)
      const shown = [...head, ...tail.slice(excess)]
      return draw(shown, { dissectors, maxPackets: 2 * diagramEdgePackets, omittedPackets: dropped + excess })
    }
  }
}

export const read = Effect.fnUntraced(function* ({ diagram, file, json }: Input) {
  if (json && diagram !== undefined)
    return yield* new UsageError({ message: "--json and --diagram exclude each other: give one of them" })
  const all = packets(file)
  if (diagram !== undefined) {
    const collected = makeCollector()
    const end = yield* Effect.exit(Stream.runForEach(all, (captured) => Effect.sync(() => collected.add(captured))))
    // Packets before an error are drawn, too.
    const drawing = collected.draw(diagram === "text" ? Diagram.text : Diagram.mermaid)
    if (drawing !== undefined) yield* Console.log(drawing.trimEnd())
    return yield* end
  }
  const stdio = yield* Stdio.Stdio
  let first: bigint | undefined
  const lines = Stream.map(all, (captured) => {
    first ??= captured.at
    return `${json ? toJson(captured, first) : formatLine(captured, first)}\n`
  })
  yield* Stream.run(Stream.encodeText(lines), stdio.stdout())
})
