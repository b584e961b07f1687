/**
 * A processor farm: packets go to whoever is free, results come back, nothing is lost and nothing counted twice.
 * Workers may be threads, other machines, or both, and may come and go.
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

/** A result, and what it is of. @category models @since 0.1.0 */
export interface PacketResult<Packet, Result> {
  readonly packet: Packet
  readonly result: Result
}

const bufferSizeFor = (options: Options, workers: ReadonlyArray<unknown>) => options.bufferSize ?? 64 * workers.length

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
    const detail = `the job ${job.name} does not say how its input and output are kept: give it \`kept\``
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
 * Does the whole job and gives its answer. Interrupted, it stops the workers at their next chunk. Fails with the
 * `FarmError` of what cannot be helped: a packet that failed on every attempt, no worker left, a `merge` that throws.
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
 * The results, as they come; `merge` and `empty` are not used. Who does not read on holds back the source, which may be
 * endless. The workers stop when nobody reads any more.
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
      // What was read is done with when more is asked for.
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
