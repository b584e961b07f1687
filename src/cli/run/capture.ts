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
import { CannotRead, UsageError } from "../common/Shutdown.ts"
import { dissectors } from "./common/dissectors.ts"

interface Input {
  readonly file: string
  readonly json: boolean
  readonly diagram: "text" | "mermaid" | undefined
}

const why = ({ message, reason }: PlatformError.PlatformError) =>
  reason._tag === "NotFound" ? "no such file" : reason.cause instanceof Error ? reason.cause.message : message

/** Packets that a diagram shows of the beginning, and as many of the end. */
const half = 50

const format = ({ address, port }: Endpoint.Endpoint) => {
  const host = address.includes(":") && port !== 0 ? `[${address}]` : address
  return port === 0 ? host : `${host}:${port}`
}

const summaryOf = (captured: CaptureReader.Captured) => {
  const sighting = CaptureReader.toSighting(captured)
  if (sighting !== undefined) return Payload.summary(sighting, dissectors)
  return captured.payload.length === 1 ? "1 byte" : `${captured.payload.length} bytes`
}

const seconds = (nanoseconds: bigint) => {
  const digits = `${nanoseconds < 0n ? -nanoseconds : nanoseconds}`.padStart(10, "0")
  return `${nanoseconds < 0n ? "-" : ""}${digits.slice(0, -9)}.${digits.slice(-9)}`
}

const line = (captured: CaptureReader.Captured, first: bigint) => {
  const { at, comments, from, payload, problems, protocol, to } = captured
  const ends = from === undefined || to === undefined ? "" : `${format(from)} > ${format(to)}`
  const notes = [...comments, ...problems].map((note) => ` [${Payload.safe(note)}]`).join("")
  const columns = [seconds(at - first).padStart(13), ends, protocol.padEnd(4), `${payload.length}`.padStart(6)]
  return `${columns.join("  ")}  ${summaryOf(captured)}${notes}`
}

const toJson = (captured: CaptureReader.Captured, first: bigint) => {
  const { at, comments, from, host, length, payload, problems, protocol, tcp, to } = captured
  const { ack, flags, seq } = tcp ?? {}
  const value = {
    time: seconds(at - first),
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

/** The packets of a file; what is wrong with it comes after those before. */
const packets = (file: string) =>
  Stream.suspend(() => {
    const decoder = PcapngDecoder.make()
    const read = CaptureReader.make()
    const take = () => {
      const found: Array<CaptureReader.Captured> = []
      for (let block = decoder.take(); block !== undefined; block = decoder.take()) {
        if (block instanceof Pcapng.PcapngError) return { found, failure: block }
        const captured = read(block)
        if (captured !== undefined) found.push(captured)
      }
      return { found, failure: undefined }
    }
    const fail = (error: Pcapng.PcapngError) => Stream.fail(new CannotRead({ message: `${file}: ${error.message}` }))
    const stream = Effect.map(FileSystem.FileSystem, (fs) => fs.stream(file)).pipe(Stream.unwrap)
    return stream.pipe(
      Stream.mapError((error: PlatformError.PlatformError) => new CannotRead({ message: `${file}: ${why(error)}` })),
      Stream.flatMap((bytes) => {
        decoder.feed(bytes)
        const { failure, found } = take()
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

/** The first and the last packets, for a diagram: an acknowledgement that only answers data says nothing new. */
const collector = () => {
  const head: Array<Packet.ObservedPacket> = []
  let tail: Array<Packet.ObservedPacket> = []
  let dropped = 0
  let answered = false
  return {
    add: (captured: CaptureReader.Captured) => {
      const sighting = CaptureReader.toSighting(captured)
      if (sighting === undefined) return
      const isFirst = answered
      answered = sighting.kind === "synack"
      if (sighting.kind === "ack" && !isFirst) return
      if (head.length < half) head.push(sighting)
      else tail.push(sighting)
      if (tail.length < 2 * half) return
      dropped += half
      tail = tail.slice(half)
    },
    draw: (draw: typeof Diagram.text) => {
      if (head.length === 0) return undefined
      const extra = Math.max(0, tail.length - half)
      const shown = [...head, ...tail.slice(extra)]
      return draw(shown, { dissectors, most: 2 * half, leftOut: dropped + extra })
    }
  }
}

export const read = Effect.fnUntraced(function* ({ diagram, file, json }: Input) {
  if (json && diagram !== undefined) return yield* new UsageError({ message: "choose one of --json and --diagram" })
  const all = packets(file)
  if (diagram !== undefined) {
    const collected = collector()
    const end = yield* Effect.exit(Stream.runForEach(all, (captured) => Effect.sync(() => collected.add(captured))))
    // What came before an error is shown, too.
    const drawing = collected.draw(diagram === "text" ? Diagram.text : Diagram.mermaid)
    if (drawing !== undefined) yield* Console.log(drawing.trimEnd())
    return yield* end
  }
  const stdio = yield* Stdio.Stdio
  let first: bigint | undefined
  const lines = Stream.map(all, (captured) => {
    first ??= captured.at
    return `${json ? toJson(captured, first) : line(captured, first)}\n`
  })
  yield* Stream.run(Stream.encodeText(lines), stdio.stdout())
})
