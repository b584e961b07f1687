/** The command `capture run`. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as CaptureLimits from "../../../../capture/write/CaptureLimits.ts"
import * as CaptureOutput from "../../../../capture/write/CaptureOutput.ts"
import * as NodePipes from "../../../../capture/write/NodePipes.ts"
import * as Quantity from "../../../../network/Quantity.ts"
import { CannotCapture, UsageError } from "../../../common/CliErrors.ts"
import * as captureFlags from "../../../common/capture/captureFlags.ts"
import * as freeStdout from "../../../common/capture/freeStdout.ts"
import { ShutdownSignal } from "../../../common/Shutdown.ts"
import * as NodeHostServices from "../../../node/NodeHostServices.ts"
import * as network from "../../common/network.ts"
import * as dumpcap from "./dumpcap.ts"
import type { Input, Limits } from "./Input.ts"
import * as liveSource from "./liveSource.ts"
import * as ownCommand from "./ownCommand.ts"
import * as printer from "./printer.ts"

const defaultInterface = "lo"

/** Time that the end waits for the reader of a pipe. */
const closeTimeout = Duration.seconds(5)

/** Time in which dumpcap must end after a limit. */
const maxEndWait = Duration.seconds(2)

const interfacesOf = (input: Input) => (input.interface ?? defaultInterface).split(",").filter((name) => name !== "")

const conflictOf = (input: Input): string | undefined => {
  if (input.command.length > 0 && input.interface !== undefined)
    return "a command and --interface exclude each other: its own packets are captured; give one of them"
  if (input.ring !== undefined && input.write === undefined) return "--ring needs --write: name the files"
  if (input.ring !== undefined && input.write === "-")
    return "--ring and --write - exclude each other: standard output is not a file; name the files"
  if (input.json && input.write !== undefined)
    return "--json and --write exclude each other: packets are printed or written; give one of them"
  if (interfacesOf(input).length === 0) return "--interface has no name; give one, such as lo"
  return undefined
}

const nested = "capture run does not run another capture run, which has no packets of its own; give the inner one alone"

/** The end of a capture. */
interface Result {
  readonly captured: number
  /** Packets that the system or dumpcap has dropped; undefined if dumpcap does not say. */
  readonly dropped: number | undefined
  /** Packets that were captured and not written, because the destination was too slow. */
  readonly unwritten: number
  /** True if a limit or a failure has ended the capture, and not dumpcap. */
  readonly isStopped: boolean
  readonly failure: CannotCapture | undefined
}

/** Logs the counts at the end. */
const logCounts = (input: Input, { captured, dropped, unwritten }: Result) => {
  const late = unwritten === 0 ? "" : `, ${unwritten} of them not written in time`
  const lost = dropped === undefined ? "" : `, ${dropped} dropped by the system`
  const count = Quantity.format(captured, "packet")
  return Effect.logInfo(`${interfacesOf(input).join(", ")}: ${count} captured${late}${lost}`)
}

/** Feeds the source until dumpcap ends. */
const feedAll = (running: dumpcap.Dumpcap, live: liveSource.LiveSource, notify: () => void) =>
  Stream.runForEach(running.bytes, (bytes) =>
    Effect.flatMap(Clock.currentTimeNanos, (now) => {
      const problem = live.feed(bytes, now)
      notify()
      return problem === undefined
        ? Effect.void
        : Effect.fail(new dumpcap.DumpcapError({ message: `capture run: dumpcap: ${problem}` }))
    })
  )

/** Writes packets until dumpcap ends or the output does. */
const write = Effect.fnUntraced(function* (path: string, running: dumpcap.Dumpcap, limits: Limits) {
  const live = liveSource.make(limits.filter)
  const { ring, stop } = limits
  const failed = (detail: string) => new CannotCapture({ message: `--write ${JSON.stringify(path)}: ${detail}` })
  let failure: CannotCapture | undefined
  let isStopped = false
  let unwritten = 0
  let captured = () => live.counts().captured
  yield* Effect.scoped(
    Effect.gen(function* () {
      const output: CaptureOutput.CaptureOutput = yield* CaptureOutput.open(path, live.source, {
        ring: ring && { files: ring.files, limits: CaptureLimits.amountsOf(ring) },
        stop: stop && CaptureLimits.amountsOf(stop),
        closeTimeout,
        onWaiting: Effect.logInfo(`${path} has no reader yet: packets wait in memory until one opens the pipe`),
        finish: () => {},
        onEnd: (ending) =>
          Effect.sync(() => {
            // Packets beyond the limit do not count.
            if (ending._tag === "Limit") captured = () => output.writtenPackets()
            if (ending._tag === "Failure") failure = failed(ending.detail)
            if (ending._tag !== "Stuck") return
            const lost = Quantity.format(ending.lostPackets, "packet")
            failure = failed(`${ending.hasReader ? "its reader has stopped" : "no reader has opened it"}; ${lost} lost`)
          })
      }).pipe(Effect.mapError(({ detail }) => failed(detail)))
      const feeding = yield* Effect.forkScoped(feedAll(running, live, output.notify))
      yield* Effect.raceFirst(Fiber.join(feeding), output.ended)
      isStopped = !output.isOpen()
      unwritten = live.unwritten()
      if (!isStopped) return
      // The rest of the bytes has the number of packets that the system has dropped.
      yield* running.stop
      yield* Effect.timeoutOption(Fiber.await(feeding), maxEndWait)
    })
  )
  const result: Result = { ...live.counts(), captured: captured(), unwritten, isStopped, failure }
  return result
})

/** Prints packets until dumpcap ends or a limit is reached. */
const print = Effect.fnUntraced(function* (running: dumpcap.Dumpcap, limits: Limits, json: boolean) {
  const onLimit = running.stop
  const { dropped, hasReachedLimit, packets } = yield* printer.print(running.bytes, { ...limits, json, onLimit })
  const result: Result = {
    captured: packets,
    dropped,
    unwritten: 0,
    isStopped: hasReachedLimit,
    failure: undefined
  }
  return result
})

/** Captures an interface by dumpcap, until it is requested to end or a limit is reached. */
const captureInterface = Effect.fnUntraced(function* (input: Input, limits: Limits) {
  const running = yield* dumpcap.start({ interfaces: interfacesOf(input), snapLength: limits.snapLength })
  let isRequested = false
  const requested = Effect.andThen(Effect.flatten(ShutdownSignal), () => {
    isRequested = true
    return running.stop
  })
  yield* Effect.forkScoped(requested, { startImmediately: true })
  const announce = Effect.andThen(running.started, Effect.logInfo(`capturing on ${interfacesOf(input).join(", ")}`))
  yield* Effect.forkScoped(announce)
  const result = yield* input.write === undefined
    ? // An empty file is not the reason: dumpcap ends, and says it.
      Effect.tapError(print(running, limits, input.json), (error) =>
        error._tag === "CaptureFileError" ? running.ended : Effect.void
      )
    : write(input.write, running, limits)
  const log = logCounts(input, result)
  if (!isRequested && !result.isStopped)
    yield* Effect.tapError(running.ended, () => (result.captured > 0 ? log : Effect.void))
  yield* log
  if (result.failure !== undefined) return yield* result.failure
})

export const run = Effect.fnUntraced(
  function* (input: Input) {
    const conflict = conflictOf(input)
    if (conflict !== undefined) return yield* new UsageError({ message: conflict })
    if ((yield* network.CapturedBy) !== undefined) return yield* new UsageError({ message: nested })
    const limits = yield* captureFlags.optionsOf(input, "filter")
    if (input.write === "-") yield* freeStdout.checkTerminal("write")
    if (input.command.length > 0) return yield* ownCommand.run(input, limits)
    yield* captureInterface(input, limits)
  },
  Effect.scoped,
  Effect.provide(Layer.merge(NodeHostServices.spawner, NodePipes.layer))
)
