/** Prints the packets of a running capture, a line for each, while they pass. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as TcpAnalysis from "../../../../capture/analysis/TcpAnalysis.ts"
import type * as Capture from "../../../../capture/Capture.ts"
import * as CaptureFile from "../../../../capture/CaptureFile.ts"
import type { CapturedPacket } from "../../../../capture/CaptureReader.ts"
import * as NodeDecompressor from "../../../../capture/NodeDecompressor.ts"
import * as CaptureLimits from "../../../../capture/write/CaptureLimits.ts"
import * as dissectors from "../../common/dissectors.ts"
import * as packetText from "../read/packetText.ts"

/** The result of printing. */
interface Printed {
  readonly packets: number
  /** Packets that the program that captures has dropped; undefined if it does not say. */
  readonly dropped: number | undefined
  /** True if a limit has ended the output. */
  readonly hasReachedLimit: boolean
}

/** Limits and the form of the output. */
export interface Options extends Pick<Capture.FileOptions, "filter" | "stop"> {
  readonly json: boolean
  /**
   * Ends the capture at the limit: the rest of its bytes is read for the number of packets that it has dropped, and not
   * printed. Default: the rest is not read.
   */
  readonly onLimit?: Effect.Effect<void> | undefined
}

/** Time after the limit in which the capture must end. */
const maxEndWait = Duration.seconds(2)

/** Returns a function that formats packets in the order of the capture. */
const makeFormat = (json: boolean) => {
  const analysis = TcpAnalysis.make()
  const dissect = dissectors.packetDissector()
  const format = json ? packetText.json : packetText.line
  let startNanos: bigint | undefined
  return (packet: CapturedPacket) => {
    startNanos ??= packet.at
    return `${format({ packet, analysis: analysis.add(packet), details: dissect(packet) }, startNanos)}\n`
  }
}

/** Prints the packets of a pcapng file until it ends or a limit is reached. */
export const print = Effect.fnUntraced(function* <E, R>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  { filter = () => true, json, onLimit, stop }: Options
) {
  const stdio = yield* Stdio.Stdio
  const total = stop && CaptureLimits.amountsOf(stop)
  const format = makeFormat(json)
  const limitReached = Latch.makeUnsafe(false)
  let state = CaptureLimits.initial
  let dropped: number | undefined
  /** Counts a packet: it may be beyond the limit, or the last one. */
  const count = ({ at, capturedLength }: CapturedPacket) => {
    const event = { _tag: "Packet", bytes: capturedLength, headerBytes: 0, trailerBytes: 0, at } as const
    const [next, actions] = CaptureLimits.step({ total }, state, event)
    state = next
    if (state.reached !== undefined) limitReached.openUnsafe()
    return { isPrinted: actions.includes("Write"), isLast: actions.includes("Stop") }
  }
  const ended = Effect.andThen(limitReached.await, Effect.andThen(onLimit ?? Effect.never, Effect.sleep(maxEndWait)))
  const packets = CaptureFile.read(Stream.interruptWhen(bytes, ended), {
    onSummary: ({ droppedPackets }) =>
      Effect.sync(() => {
        dropped = droppedPackets
      })
  }).pipe(
    // Notes of the analysis depend on packets that a filter rejects, too.
    Stream.map((packet) => ({ packet, text: format(packet) })),
    Stream.filter(({ packet }) => filter(packet)),
    Stream.map(({ packet, text }) => ({ text, ...count(packet) }))
  )
  const printed = packets.pipe(
    onLimit === undefined
      ? (all) =>
          Stream.takeUntil(
            Stream.takeWhile(all, ({ isPrinted }) => isPrinted),
            ({ isLast }) => isLast
          )
      : Stream.filter(({ isPrinted }) => isPrinted),
    Stream.map(({ text }) => text)
  )
  const printing = Effect.catch(Stream.run(Stream.encodeText(printed), stdio.stdout()), (error) =>
    // The bytes may end anywhere after the limit.
    state.reached === undefined ? Effect.fail(error) : Effect.void
  )
  const timeOver = Effect.suspend(() => {
    state = CaptureLimits.step({}, state, { _tag: "TimeOut" })[0]
    limitReached.openUnsafe()
    return onLimit === undefined ? Effect.void : Effect.never
  })
  yield* Effect.raceFirst(printing, stop?.time === undefined ? Effect.never : Effect.delay(timeOver, stop.time))
  const result: Printed = { packets: state.total.packets, dropped, hasReachedLimit: state.reached !== undefined }
  return result
}, Effect.provide(NodeDecompressor.layer))
