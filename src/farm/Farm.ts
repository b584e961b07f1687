/**
 * A processor farm: splits a job into packets, runs them on a pool of workers and merges the results. Every packet is
 * merged exactly once. Workers are threads, other machines, or both, and may join or fail at any time.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as FarmCheckpoint from "./FarmCheckpoint.ts"
import { CheckpointFailed, FarmError } from "./FarmError.ts"
import type { Checkpointer, Options, RunOptions } from "./FarmOptions.ts"
import * as FarmRun from "./FarmRun.ts"
import type { Job, Splitter } from "./Job.ts"

export type { Options, RunOptions } from "./FarmOptions.ts"

/** A result with its packet. @category models @since 0.1.0 */
export interface PacketResult<Packet, Result> {
  readonly packet: Packet
  readonly result: Result
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
      const saveOrWarn = Effect.catch(save, (error) => Effect.logWarning(error.message))
      const saving = Effect.forever(Effect.andThen(Effect.sleep(checkpointInterval), saveOrWarn))
      return save.pipe(
        Effect.andThen(Effect.raceFirst(ended, saving)),
        Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.ignore(checkpoint.remove) : saveOrWarn))
      )
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
  Effect.scoped(
    Effect.gen(function* () {
      const splitter = yield* splitterOf(job, input)
      const { saveWhile, resumed: from } = yield* makeCheckpointer(job, input, splitter, options)
      let output = from?.output ?? job.empty
      const workers = yield* options.workers
      const bufferSize = options.ordered === true ? bufferSizeFor(options, workers) : undefined
      const running = yield* FarmRun.begin<Packet, Result>({
        work: job,
        splitter,
        workers,
        settings: { ...options, bufferSize },
        splitUnits: from?.splitUnits ?? 0,
        restored: from?.unfinished ?? [],
        holdUntilConsumed: false,
        sink: (packet, result) => {
          output = job.merge(output, result, packet)
        }
      })
      yield* saveWhile(running.ended, () => {
        const state = running.state()
        return state && { ...state, output }
      })
      return output
    })
  )

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
  Stream.unwrap(
    Effect.gen(function* () {
      const splitter = yield* splitterOf(job, input)
      const workers = yield* options.workers
      const queue = yield* Queue.unbounded<PacketResult<Packet, Result>, FarmError | Cause.Done>()
      const running = yield* FarmRun.begin<Packet, Result>({
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
        Effect.matchEffect(running.ended, {
          onSuccess: () => Queue.end(queue),
          onFailure: (error) => Queue.fail(queue, error)
        })
      )
      let readCount = 0
      // A request for more results shows that the consumer is done with the previous ones.
      const pull = Effect.suspend(() => {
        if (readCount > 0) running.consumed(readCount)
        return Effect.map(Queue.takeAll(queue), (results) => {
          readCount = results.length
          return results
        })
      })
      return Stream.fromPull(Effect.succeed(pull))
    })
  )
