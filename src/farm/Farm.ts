/**
 * A processor farm: splits a job into packets, runs them on a pool of workers and merges the results. Every packet is
 * merged exactly once. Workers are threads, other machines, or both, and may join or fail at any time.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { flow } from "effect/Function"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Observable } from "../network/ServerEvents.ts"
import type { Notice } from "./dispatcher/DispatcherEvent.ts"
import * as FarmCheckpoint from "./FarmCheckpoint.ts"
import { CheckpointFailed, FarmError } from "./FarmError.ts"
import type { Checkpointer, Options, RunOptions } from "./FarmOptions.ts"
import * as FarmRun from "./FarmRun.ts"
import type { Job, Splitter } from "./Job.ts"
import type { Progress } from "./Progress.ts"

export type { Options, RunOptions } from "./FarmOptions.ts"

/** A result with its packet. @category models @since 0.1.0 */
export interface PacketResult<Packet, Result> {
  readonly packet: Packet
  readonly result: Result
}

/** A change in a run. @category models @since 0.1.0 */
export type Event = Notice

/** A run that was started: its events, and its progress as stats. @category models @since 0.1.0 */
export interface Running<Output> extends Observable<Event, Progress> {
  /** Waits for the end of the run. Fails with `FarmError` as `run` does. */
  readonly output: Effect.Effect<Output, FarmError>
}

/** A run that was started, with its results. @category models @since 0.1.0 */
export interface RunningStream<Packet, Result> extends Observable<Event, Progress> {
  /** The results, as in `stream`. They can be consumed once. */
  readonly results: Stream.Stream<PacketResult<Packet, Result>, FarmError>
}

/** Packets for each worker, split off and not yet consumed, unless `bufferSize` is given. */
const defaultBufferedPackets = 64

const bufferSizeFor = (options: Options, workers: ReadonlyArray<unknown>) =>
  options.bufferSize ?? defaultBufferedPackets * workers.length

const splitterOf = <Input, Packet, Result, Output>(job: Job<Input, Packet, Result, Output>, input: Input) =>
  Effect.try({
    try: (): Splitter<Packet> => job.split(input),
    catch: (cause) => FarmRun.splitError(0, cause)
  })

const makeCheckpointer = Effect.fnUntraced(function* <Input, Packet, Result, Output>(
  job: Job<Input, Packet, Result, Output>,
  input: Input,
  splitter: Splitter<Packet>,
  { checkpoint, checkpointInterval = "5 seconds" }: RunOptions
): Effect.fn.Return<Checkpointer<Packet, Output>, FarmError> {
  if (checkpoint === undefined) return { resumed: undefined, saveWhile: (ended) => ended }
  const { path } = checkpoint
  if (job.checkpoint === undefined) {
    const detail = `the job ${job.name} has no checkpoint codecs; define \`checkpoint\` in the job`
    return yield* new FarmError({ reason: new CheckpointFailed({ path, detail }) })
  }
  const codec = FarmCheckpoint.make(job, job.checkpoint, input, path)
  const text = yield* checkpoint.read
  const from = text === undefined ? undefined : yield* codec.read(text)
  if (from !== undefined) yield* codec.skip(splitter, from.splitUnits)
  return {
    resumed: from,
    saveWhile: (ended, state) => {
      const save = Effect.suspend(() => {
        const now = state()
        return now === undefined ? Effect.void : checkpoint.write(codec.write(now))
      })
      let warned: string | undefined
      // The same failure is reported once, however often the state is saved.
      const saveOrWarn = Effect.matchEffect(save, {
        onSuccess: () => {
          const wasFailing = warned !== undefined
          warned = undefined
          return wasFailing ? Effect.logInfo(`${path}: the checkpoint is saved again`) : Effect.void
        },
        onFailure: ({ message }) => {
          if (message === warned) return Effect.void
          warned = message
          return Effect.logWarning(message)
        }
      })
      const saving = Effect.forever(Effect.andThen(Effect.sleep(checkpointInterval), saveOrWarn))
      const running = Effect.onExit(Effect.raceFirst(ended, saving), (exit) =>
        Exit.isSuccess(exit) ? Effect.ignore(checkpoint.remove) : saveOrWarn
      )
      return Effect.andThen(save, running)
    }
  }
})

/**
 * Runs a whole job and returns its output. An interruption stops the workers at their next check of the stop signal.
 *
 * Fails with `FarmError`: `PoisonPacket` for a packet that failed on every attempt, `NoWorkers` when none is left,
 * `SplitFailed` and `MergeFailed` when those functions of the job throw, `WrongJob`, `InvalidOptions`, and
 * `CheckpointFailed`.
 *
 * **Example** (Counting the primes below a million on two threads)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { Farm, NodeThreadWorkers } from "effect-inet/farm"
 * import { PrimeJob } from "effect-inet/primes"
 *
 * const workers = NodeThreadWorkers.make({ module: PrimeJob.module, threads: 2 })
 * const program = Farm.run(PrimeJob.job, { from: 0, to: 1_000_000, kernel: "wasm" }, { workers })
 *
 * await Effect.runPromise(program) // => 78498
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const run = <Input, Packet, Result, Output>(
  job: Job<Input, Packet, Result, Output>,
  input: NoInfer<Input>,
  options: RunOptions
): Effect.Effect<Output, FarmError> =>
  Effect.scoped(Effect.flatMap(start(job, input, options), ({ output }) => output)).pipe(observed("Farm.run", job))

/** Names the span of a run, and its job in the logs. */
const observed = (name: string, { name: job, version }: { readonly name: string; readonly version: number }) =>
  flow(Effect.withSpan(name, { attributes: { job, version } }), Effect.annotateLogs({ job }))

/**
 * Starts a run, which can then be observed. It stops when the scope closes. Fails as `run` does if it cannot start.
 *
 * **Example** (Reading the progress at the end of a run)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { Farm, NodeThreadWorkers } from "effect-inet/farm"
 * import { PrimeJob } from "effect-inet/primes"
 *
 * const workers = NodeThreadWorkers.make({ module: PrimeJob.module, threads: 2 })
 * const program = Effect.gen(function* () {
 *   const running = yield* Farm.start(PrimeJob.job, { from: 0, to: 1_000, kernel: "trial" }, { workers })
 *   const count = yield* running.output
 *   const { done, total } = yield* running.stats
 *   return { count, done, total }
 * })
 *
 * await Effect.runPromise(Effect.scoped(program)) // => { count: 168, done: 1_000, total: 1_000 }
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const start = Effect.fnUntraced(function* <Input, Packet, Result, Output>(
  job: Job<Input, Packet, Result, Output>,
  input: NoInfer<Input>,
  options: RunOptions
): Effect.fn.Return<Running<Output>, FarmError, Scope.Scope> {
  const splitter = yield* splitterOf(job, input)
  const { saveWhile, resumed } = yield* makeCheckpointer(job, input, splitter, options)
  let output = resumed?.output ?? job.empty
  const { workers } = yield* options.workers
  const bufferSize = options.ordered === true ? bufferSizeFor(options, workers) : undefined
  const { ended, events, stats, statsEvery, unmerged } = yield* FarmRun.begin<Packet, Result>({
    work: job,
    splitter,
    workers,
    settings: { ...options, bufferSize },
    splitUnits: resumed?.splitUnits ?? 0,
    restored: resumed?.unfinished ?? [],
    holdUntilConsumed: false,
    sink: (packet, result) => {
      output = job.merge(output, result, packet)
    }
  })
  const saved = saveWhile(ended, () => {
    const state = unmerged()
    return state && { ...state, output }
  })
  const fiber = yield* Effect.forkScoped(saved)
  return { events, stats, statsEvery, output: Effect.map(Fiber.join(fiber), () => output) }
})

/**
 * Streams the results of a job; `merge` and `empty` are not used. With `ordered: true` the order is that of the
 * packets, otherwise that in which they are done. A slow consumer holds the source back, so the input may be endless.
 * The workers stop when the stream ends or its consumer is interrupted.
 *
 * **Example** (Taking the first results of an ordered stream)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 * import { Farm, NodeThreadWorkers } from "effect-inet/farm"
 * import { PrimeJob } from "effect-inet/primes"
 *
 * const workers = NodeThreadWorkers.make({ module: PrimeJob.module, threads: 2 })
 * const options = { workers, ordered: true, packetSize: 1_000 }
 * const counts = Farm.stream(PrimeJob.job, { from: 0, to: 1_000_000, kernel: "trial" }, options).pipe(
 *   Stream.map(({ packet, result }) => `${packet.from}..${packet.to}: ${result}`),
 *   Stream.take(2),
 *   Stream.runCollect
 * )
 *
 * await Effect.runPromise(counts) // => ["0..1000: 168", "1000..2000: 135"]
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const stream = <Input, Packet, Result, Output>(
  job: Job<Input, Packet, Result, Output>,
  input: NoInfer<Input>,
  options: Options
): Stream.Stream<PacketResult<Packet, Result>, FarmError> =>
  Stream.unwrap(Effect.map(startStream(job, input, options), ({ results }) => results)).pipe(
    Stream.withSpan("Farm.stream", { attributes: { job: job.name, version: job.version } })
  )

/**
 * Starts a stream of results, which can then be observed. The workers stop when the scope closes.
 *
 * @category running
 * @since 0.1.0
 */
export const startStream = Effect.fnUntraced(function* <Input, Packet, Result, Output>(
  job: Job<Input, Packet, Result, Output>,
  input: NoInfer<Input>,
  options: Options
): Effect.fn.Return<RunningStream<Packet, Result>, FarmError, Scope.Scope> {
  const splitter = yield* splitterOf(job, input)
  const { workers } = yield* options.workers
  const queue = yield* Queue.unbounded<PacketResult<Packet, Result>, FarmError | Cause.Done>()
  const { consumed, ended, events, stats, statsEvery } = yield* FarmRun.begin<Packet, Result>({
    work: job,
    splitter,
    workers,
    settings: { ...options, bufferSize: bufferSizeFor(options, workers) },
    splitUnits: 0,
    restored: [],
    holdUntilConsumed: true,
    sink: (packet, result) => Queue.offerUnsafe(queue, { packet, result })
  })
  yield* Effect.forkScoped(
    Effect.matchEffect(ended, {
      onSuccess: () => Queue.end(queue),
      onFailure: (error) => Queue.fail(queue, error)
    })
  )
  let readCount = 0
  // A request for more results shows that the consumer is done with the previous ones.
  const pull = Effect.suspend(() => {
    if (readCount > 0) consumed(readCount)
    return Effect.map(Queue.takeAll(queue), (results) => {
      readCount = results.length
      return results
    })
  })
  return { events, stats, statsEvery, results: Stream.fromPull(Effect.succeed(pull)) }
})
