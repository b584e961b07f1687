/**
 * A processor farm: packets go to whoever is free, results come back, nothing is lost and nothing counted twice.
 * Workers may be threads, other machines, or both, and may come and go.
 */
import type * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type * as SubscriptionRef from "effect/SubscriptionRef"
import * as FarmCheckpoint from "./FarmCheckpoint.ts"
import { Checkpoint, FarmError } from "./FarmError.ts"
import * as FarmRun from "./FarmRun.ts"
import type { Job, Splitter } from "./Job.ts"
import type { Progress } from "./Progress.ts"
import type { Workers } from "./Worker.ts"

/** How a farm works. @category models @since 0.1.0 */
export interface Options {
  /** Pools are made with the run and end with it; `Worker.all` mixes them. */
  readonly workers: Workers
  /**
   * How long a worker may keep a packet before another gets it too, which counts as a failure. Default 30 seconds, and
   * to be longer than any packet takes.
   */
  readonly lease?: Duration.Input | undefined
  /** How often a packet may fail before the run does. Default 3. */
  readonly attempts?: number | undefined
  /** How long a packet should take; its size adapts to that. Default 100 ms. */
  readonly target?: Duration.Input | undefined
  /** Units in each packet, instead of a size that adapts. */
  readonly size?: number | undefined
  /** Results come in the order of the packets. Default false: as they are done. */
  readonly ordered?: boolean | undefined
  /**
   * How many packets may be cut whose results are not taken yet, so that a slow reader, or an early packet that is
   * late, holds the source back. Default 64 for each worker, and unlimited for a `run` that is not ordered.
   */
  readonly buffer?: number | undefined
  /** Is kept up to date: see `Progress.make`. */
  readonly progress?: SubscriptionRef.SubscriptionRef<Progress> | undefined
}

/** How a run works. @category models @since 0.1.0 */
export interface RunOptions extends Options {
  /** Where the run goes on if it was killed; one of another job or input is refused. Gone when the run is done. */
  readonly checkpoint?: FarmCheckpoint.Checkpoint | undefined
  /** How often it is written. Default 5 seconds. */
  readonly every?: Duration.Input | undefined
}

/** A result, and what it is of. @category models @since 0.1.0 */
export interface Piece<Packet, Result> {
  readonly packet: Packet
  readonly result: Result
}

const bufferOf = (options: Options, workers: ReadonlyArray<unknown>) => options.buffer ?? 64 * workers.length

const splitterOf = <Input, Packet, Result, Output>(job: Job<Input, Packet, Result, Output>, input: Input) =>
  Effect.try({
    try: (): Splitter<Packet> => job.split(input),
    catch: (cause) => FarmRun.splitError(0, cause)
  })

interface Keeper<Packet, Output> {
  readonly from: FarmCheckpoint.State<Packet, Output> | undefined
  /** Runs until the work has ended. */
  readonly during: <A>(
    ended: Effect.Effect<A, FarmError>,
    state: () => FarmCheckpoint.State<Packet, Output> | undefined
  ) => Effect.Effect<A, FarmError>
}

const keeper = Effect.fnUntraced(function* <Input, Packet, Result, Output>(
  job: Job<Input, Packet, Result, Output>,
  input: Input,
  splitter: Splitter<Packet>,
  { checkpoint, every = "5 seconds" }: RunOptions
): Effect.fn.Return<Keeper<Packet, Output>, FarmError> {
  if (checkpoint === undefined) return { from: undefined, during: (ended) => ended }
  const { path } = checkpoint
  if (job.kept === undefined) {
    const detail = `the job ${job.name} does not say how its input and output are kept: give it \`kept\``
    return yield* new FarmError({ reason: new Checkpoint({ path, detail }) })
  }
  const codec = FarmCheckpoint.make(job, job.kept, input, path)
  const text = yield* checkpoint.read
  const from = text === undefined ? undefined : yield* codec.read(text)
  if (from !== undefined) yield* codec.skip(splitter, from.cut)
  return {
    from,
    during: (ended, state) => {
      const save = Effect.suspend(() => {
        const now = state()
        return now === undefined ? Effect.void : checkpoint.write(codec.write(now))
      })
      const told = Effect.catch(save, (error) => Effect.logWarning(error.message))
      const saving = Effect.forever(Effect.andThen(Effect.sleep(every), told))
      return save.pipe(
        Effect.andThen(Effect.raceFirst(ended, saving)),
        Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.ignore(checkpoint.remove) : told))
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
      const { during, from } = yield* keeper(job, input, splitter, options)
      let output = from?.output ?? job.empty
      const workers = yield* options.workers
      const buffer = options.ordered === true ? bufferOf(options, workers) : undefined
      const running = yield* FarmRun.begin<Packet, Result>({
        work: job,
        splitter,
        workers,
        settings: { ...options, buffer },
        cut: from?.cut ?? 0,
        restored: from?.open ?? [],
        hold: false,
        sink: (packet, result) => {
          output = job.merge(output, result, packet)
        }
      })
      yield* during(running.ended, () => {
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
): Stream.Stream<Piece<Packet, Result>, FarmError> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const splitter = yield* splitterOf(job, input)
      const workers = yield* options.workers
      const queue = yield* Queue.unbounded<Piece<Packet, Result>, FarmError | Cause.Done>()
      const running = yield* FarmRun.begin<Packet, Result>({
        work: job,
        splitter,
        workers,
        settings: { ...options, buffer: bufferOf(options, workers) },
        cut: 0,
        restored: [],
        hold: true,
        sink: (packet, result) => Queue.offerUnsafe(queue, { packet, result })
      })
      yield* Effect.forkScoped(
        Effect.matchEffect(running.ended, {
          onSuccess: () => Queue.end(queue),
          onFailure: (error) => Queue.fail(queue, error)
        })
      )
      let read = 0
      // What was read is done with when more is asked for.
      const pull = Effect.suspend(() => {
        if (read > 0) running.taken(read)
        return Effect.map(Queue.takeAll(queue), (pieces) => {
          read = pieces.length
          return pieces
        })
      })
      return Stream.fromPull(Effect.succeed(pull))
    })
  )
