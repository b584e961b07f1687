/**
 * A processor farm: splits a job into packets, runs them on a pool of workers and merges the results. Every packet is
 * merged exactly once. Workers are threads, other machines, or both, and may join or fail at any time.
 */
import type * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { flow } from "effect/Function"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Observable } from "../network/ServerEvents.ts"
import type { Notice } from "./dispatcher/DispatcherEvent.ts"
import * as FarmCheckpointer from "./FarmCheckpointer.ts"
import type { FarmError, PoisonPacket } from "./FarmError.ts"
import type { Options, RunOptions, RunSettings } from "./FarmOptions.ts"
import * as FarmRun from "./FarmRun.ts"
import type { Job } from "./Job.ts"
import * as PacketSource from "./PacketSource.ts"
import type { Progress } from "./Progress.ts"

export type { CheckpointOptions, Options, RetryOptions, RunOptions, RunSettings } from "./FarmOptions.ts"

/** A result with its packet. @category models @since 0.1.0 */
export interface PacketResult<Packet, Result> {
  readonly packet: Packet
  readonly result: Result
}

/** A change in a run. @category models @since 0.1.0 */
export type Event = Notice

/** The common part of runs and streams: events, progress as stats, failures. @category models @since 0.1.0 */
export interface Run extends Observable<Event, Progress> {
  /** The packets that were given up so far, with `onPoison: "skip"`. */
  readonly failures: Effect.Effect<ReadonlyArray<PoisonPacket>>
}

/** A run that was started. @category models @since 0.1.0 */
export interface Running<Output> extends Run {
  /** Waits for the end of the run. Fails with `FarmError` as `run` does. */
  readonly output: Effect.Effect<Output, FarmError>
}

/** A run that was started, with its results. @category models @since 0.1.0 */
export interface RunningStream<Packet, Result> extends Run {
  /** The results, as in `stream`. They can be consumed once. */
  readonly results: Stream.Stream<PacketResult<Packet, Result>, FarmError>
}

/** Opens the source of a job. Of a stream a few packets are fetched ahead, fewer if the buffer is smaller. */
const openSource = <Input, Packet, Result, Output>(
  job: Job<Input, Packet, Result, Output>,
  input: Input,
  { bufferSize = maxPrefetchedPackets }: RunSettings
) =>
  Effect.flatMap(
    Effect.try({ try: () => job.split(input), catch: (cause) => FarmRun.splitError(0, cause) }),
    (source) => PacketSource.make(source, Math.max(1, Math.min(bufferSize, maxPrefetchedPackets)))
  )

const maxPrefetchedPackets = 16

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
  const source = yield* openSource(job, input, options)
  const { saveWhile, resumed } = yield* FarmCheckpointer.make(job, input, source, options, "run")
  let output = resumed?.output ?? job.empty
  const failures = [...(resumed?.skipped ?? [])]
  const { ended, events, stats, statsEvery, unmerged } = yield* FarmRun.begin<Packet, Result>({
    work: job,
    source,
    pool: yield* options.workers,
    settings: options,
    splitUnits: resumed?.splitUnits ?? 0,
    restored: resumed?.unfinished ?? [],
    holdUntilConsumed: false,
    keepsUnconsumed: false,
    sink: ({ packet }, result) => {
      output = job.merge(output, result, packet)
    },
    onSkipped: (_, failure) => void failures.push(failure)
  })
  const saved = saveWhile(ended, () => {
    const state = unmerged()
    return state && { ...state, skipped: failures, output }
  })
  const fiber = yield* Effect.forkScoped(saved)
  return {
    ...{ events, stats, statsEvery, failures: Effect.sync(() => [...failures]) },
    output: Effect.map(Fiber.join(fiber), () => output)
  }
})

/**
 * Streams the results of a job; `merge` and `empty` are not used. With `ordered: true` the order is that of the
 * packets, otherwise that in which they are done. A slow consumer holds the source back, so the input may be endless.
 * The workers stop when the stream ends or its consumer is interrupted: to stop at the first hit, take it.
 *
 * With a checkpoint, a stream that was stopped continues with the results that its consumer had not asked to follow: it
 * may see the last ones again.
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
 * **Example** (Stopping at the first hit: a range of a hundred numbers without a prime)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 * import { Farm, NodeThreadWorkers } from "effect-inet/farm"
 * import { PrimeJob } from "effect-inet/primes"
 *
 * const workers = NodeThreadWorkers.make({ module: PrimeJob.module, threads: 2 })
 * const input = { from: 0, to: 1e12, kernel: "trial" } as const
 * const gap = Farm.stream(PrimeJob.job, input, { workers, ordered: true, packetSize: 100 }).pipe(
 *   Stream.filter(({ result }) => result === 0),
 *   Stream.map(({ packet }) => packet.from),
 *   Stream.runHead
 * )
 *
 * const first = await Effect.runPromise(Effect.flatMap(gap, Effect.fromOption))
 * first // => 1_671_800
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
  const source = yield* openSource(job, input, options)
  const { resumed, saveWhile } = yield* FarmCheckpointer.make(job, input, source, options, "stream")
  const queue = yield* Queue.unbounded<PacketResult<Packet, Result>, FarmError | Cause.Done>()
  const failures = [...(resumed?.skipped ?? [])]
  const { consumed, ended, events, stats, statsEvery, unmerged } = yield* FarmRun.begin<Packet, Result>({
    work: job,
    source,
    pool: yield* options.workers,
    settings: options,
    splitUnits: resumed?.splitUnits ?? 0,
    restored: resumed?.unfinished ?? [],
    holdUntilConsumed: true,
    keepsUnconsumed: options.checkpoint !== undefined,
    sink: ({ packet }, result) => Queue.offerUnsafe(queue, { packet, result }),
    onSkipped: (_, failure) => void failures.push(failure)
  })
  const isRead = Deferred.makeUnsafe<void>()
  const ending = Effect.matchEffect(ended, {
    onSuccess: () => Queue.end(queue),
    onFailure: (error) => Queue.fail(queue, error)
  })
  // The checkpoint is removed once the consumer has read everything.
  const allRead = Effect.andThen(ended, Deferred.await(isRead))
  yield* Effect.forkScoped(ending)
  yield* Effect.forkScoped(
    saveWhile(allRead, () => {
      const state = unmerged()
      return state && { ...state, skipped: failures, output: undefined }
    })
  )
  let readCount = 0
  // A request for more results shows that the consumer is done with the previous ones.
  const pull = Effect.suspend(() => {
    if (readCount > 0) consumed(readCount)
    readCount = 0
    return Effect.map(Queue.takeAll(queue), (results) => {
      readCount = results.length
      return results
    })
  })
  const results = Stream.onEnd(Stream.fromPull(Effect.succeed(pull)), Deferred.succeed(isRead, undefined))
  return { events, stats, statsEvery, failures: Effect.sync(() => [...failures]), results }
})
