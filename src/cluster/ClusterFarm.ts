/**
 * Runs jobs on the pools of a cluster, as `Farm` runs them on the threads of this process. A run has a key: who runs it
 * again, at the same time or later, receives the same output, and it goes on when its client ends.
 */
import * as Cause from "effect/Cause"
import type * as Sharding from "effect/cluster/Sharding"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { CheckpointCodecs, Job } from "../farm/Job.ts"
import {
  ClusterError,
  invalidRun,
  messageWithCauses,
  PoolUnavailable,
  unfitInput,
  withoutCodecs
} from "./ClusterError.ts"
import {
  defaultPool,
  FarmPool,
  formatJob,
  maxTextBytes,
  type Run,
  type RunSettings,
  type RunState,
  type RunStatus
} from "./FarmPool.ts"
import * as JsonText from "./JsonText.ts"
import { type RunRecord, RunStore } from "./RunStore.ts"

/** The options of a request to a pool. @category models @since 0.1.0 */
export interface PoolOptions {
  /** The pool. Default `default`. */
  readonly pool?: string | undefined
  /** The time within which a host of the pool must answer. Default 1 minute: a host that dies is missed for less. */
  readonly answerTimeout?: Duration.Input | undefined
}

/** The options of a run. Those of packets are as in `Farm.Options`. @category models @since 0.1.0 */
export interface RunOptions extends PoolOptions {
  /** The name of the run, unique in its pool: the same key with another job or input is refused. */
  readonly key: string
  readonly lease?: Duration.Input | undefined
  readonly timeout?: Duration.Input | undefined
  readonly maxAttempts?: number | undefined
  readonly onPoison?: "fail" | "skip" | undefined
  readonly verify?: number | undefined
  readonly targetDuration?: Duration.Input | undefined
  readonly packetSize?: number | undefined
  readonly ordered?: boolean | undefined
  /** The weight of the run among those of the pool. Default 1: one of 2 receives twice the working time. */
  readonly priority?: number | undefined
}

const problemOf = ({ key, maxAttempts = 1, packetSize = 1, pool = defaultPool, priority = 1 }: RunOptions) => {
  const isCount = (value: number) => Number.isInteger(value) && value > 0
  if (key === "" || key.length > maxNameChars)
    return `invalid key ${JSON.stringify(key)}: must have 1 to 200 characters`
  if (pool === "" || pool.length > maxNameChars)
    return `invalid pool ${JSON.stringify(pool)}: must have 1 to 200 characters`
  if (!isCount(maxAttempts)) return `invalid maxAttempts ${maxAttempts}: must be a whole number, at least 1`
  if (!isCount(packetSize)) return `invalid packetSize ${packetSize}: must be a whole number, at least 1`
  return priority > 0 && Number.isFinite(priority)
    ? undefined
    : `invalid priority ${priority}: must be a number above 0`
}

/** The table of the cluster has 255 characters for the name of an entity. */
const maxNameChars = 200

const millisOf = (duration: Duration.Input | undefined) =>
  duration === undefined ? undefined : Duration.toMillis(duration)

/** Removes the keys without a value, which the message cannot have. */
const defined = <A extends object>(values: A) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    readonly [K in keyof A]?: Exclude<A[K], undefined>
  }

const settingsOf = ({ lease, targetDuration, timeout, ...options }: RunOptions): RunSettings => {
  const { maxAttempts, onPoison, ordered, packetSize, priority, verify } = options
  return defined({
    ...{ leaseMillis: millisOf(lease), timeoutMillis: millisOf(timeout), targetMillis: millisOf(targetDuration) },
    ...{ maxAttempts, onPoison, ordered, packetSize, priority, verify }
  })
}

const unavailable = (pool: string, detail: string) =>
  new ClusterError({ reason: new PoolUnavailable({ pool, detail }) })

/** The delay before a call is repeated that a host interrupted when it ended. */
const retryMillis = 200

/** Makes the errors of the cluster those of this module. A host that stops interrupts its callers: they call again. */
const resumed =
  (pool: string) =>
  <A, E extends Error>(call: Effect.Effect<A, E>): Effect.Effect<A, ClusterError> => {
    const repeated: Effect.Effect<A, E> = Effect.catchCauseIf(call, Cause.hasInterruptsOnly, () =>
      Effect.andThen(Effect.sleep(retryMillis), repeated)
    )
    return Effect.mapError(repeated, (error) =>
      error instanceof ClusterError ? error : unavailable(pool, messageWithCauses(error))
    )
  }

/** The message of a run without its attempt. */
type RunRequest = Omit<Rpc.Payload<typeof Run>, "attempt">

const connect = Effect.fnUntraced(function* ({ answerTimeout = "1 minute", pool = defaultPool }: PoolOptions) {
  const client = (yield* FarmPool.client)(pool)
  const answered = resumed(pool)
  const detail = `no host has answered within ${Duration.format(Duration.fromInputUnsafe(answerTimeout))}; start one (farm serve)`
  const inTime = Effect.timeoutOrElse({
    duration: answerTimeout,
    orElse: () => Effect.fail(unavailable(pool, detail))
  })
  /** Has no time limit. A reply that was interrupted is kept for ever: the next attempt joins the run. */
  const runAttempt = (payload: RunRequest, attempt: number): Effect.Effect<string, ClusterError> =>
    client.Run({ ...payload, attempt }).pipe(
      Effect.mapError((error) => (error instanceof ClusterError ? error : unavailable(pool, messageWithCauses(error)))),
      Effect.catchCauseIf(Cause.hasInterruptsOnly, () =>
        Effect.andThen(
          Effect.sleep(retryMillis),
          Effect.suspend(() => runAttempt(payload, attempt + 1))
        )
      )
    )
  return {
    run: runAttempt,
    status: (key: string) => inTime(answered(client.Watch({ key }))),
    output: (key: string) => inTime(answered(client.Output({ key }))),
    cancel: (key: string) => inTime(answered(client.Cancel({ key })))
  }
})

const codecsOf = <Input, Output>({
  checkpoint,
  name,
  version
}: Pick<Job<Input, never, never, Output>, "checkpoint" | "name" | "version">) =>
  checkpoint === undefined ? Effect.fail(withoutCodecs(formatJob({ name, version }))) : Effect.succeed(checkpoint)

/**
 * Runs a job on a pool and returns its output. The same key again, from any process and also after the end, returns the
 * output of the first: at once if that has ended. A run that failed or was cancelled continues from its checkpoint.
 *
 * An interruption leaves the run alone; `cancel` ends it. The job must have codecs for checkpoints. Fails with
 * `ClusterError`.
 *
 * **Example** (Counting primes on this machine, as on a cluster)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { ClusterFarm, JobModules, NodeFarmCluster } from "effect-inet/cluster"
 * import { PrimeJob } from "effect-inet/primes"
 *
 * const Cluster = NodeFarmCluster.layerEmbedded({
 *   jobs: [JobModules.entry(PrimeJob.job, PrimeJob.module)],
 *   threads: 1
 * })
 * const count = ClusterFarm.run(PrimeJob.job, { from: 0, to: 1_000_000, kernel: "wasm" }, { key: "million" })
 *
 * await Effect.runPromise(Effect.provide(count, Cluster)) // => 78498
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function* <Input, Packet, Result, Output>(
  job: Job<Input, Packet, Result, Output>,
  input: NoInfer<Input>,
  options: RunOptions
): Effect.fn.Return<Output, ClusterError, Sharding.Sharding> {
  const problem = problemOf(options)
  if (problem !== undefined) return yield* invalidRun(problem)
  const { name, version } = job
  const codecs: CheckpointCodecs<Input, Output> = yield* codecsOf(job)
  const text = yield* Schema.encodeEffect(JsonText.codec(codecs.input))(input).pipe(
    Effect.mapError(unfitInput(formatJob(job)))
  )
  const bytes = JsonText.byteLength(text)
  if (bytes > maxTextBytes) {
    return yield* invalidRun(`the input is too large: ${bytes} bytes (limit ${maxTextBytes}); name where it is instead`)
  }
  const pool = yield* connect(options)
  // A call that is not stored comes first: it waits for a host, which then learns of the message at once.
  const { attempt } = yield* pool.status(options.key)
  const request = { key: options.key, job: { name, version }, input: text, settings: settingsOf(options) }
  const output = yield* pool.run(request, attempt)
  return yield* Effect.orDie(Schema.decodeUnknownEffect(JsonText.codec(codecs.output))(output))
})

const isOver = ({ state }: { readonly state: RunState }) =>
  state === "done" || state === "failed" || state === "cancelled"

/** Reads the state of a run once. @category getters @since 0.1.0 */
export const status = (
  key: string,
  options: PoolOptions = {}
): Effect.Effect<RunStatus, ClusterError, Sharding.Sharding> =>
  Effect.flatMap(connect(options), (pool) => pool.status(key))

/**
 * Follows a run until it has ended: emits its state at once, and then every half second.
 *
 * @category getters
 * @since 0.1.0
 */
export const watch = (
  key: string,
  options: PoolOptions = {}
): Stream.Stream<RunStatus, ClusterError, Sharding.Sharding> =>
  Stream.unwrap(
    Effect.map(connect(options), (pool) =>
      Stream.tick("500 millis").pipe(
        Stream.mapEffect(() => pool.status(key)),
        Stream.takeUntil(isOver)
      )
    )
  )

/** The output of a run as far as it is saved. @category models @since 0.1.0 */
export interface PartialOutput<Output> {
  readonly state: RunState
  /** Units whose results are in the output, and those of packets that were given up. */
  readonly done: number
  readonly total: number | undefined
  readonly output: Output
}

/**
 * Follows the output of a run: emits the output in its checkpoints, each once, and the whole output at the end. Any
 * client or process may have started the run. No result in it is taken back or counted again, whatever dies. Ends when
 * the run has ended, also when it failed or was cancelled, and fails with `ClusterError` as `run` does.
 *
 * A checkpoint is written every two seconds by default. Single results are not kept, so they are not emitted.
 *
 * @category getters
 * @since 0.1.0
 */
export const outputs = <Input, Packet, Result, Output>(
  job: Job<Input, Packet, Result, Output>,
  key: string,
  options: PoolOptions = {}
): Stream.Stream<PartialOutput<Output>, ClusterError, Sharding.Sharding> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const { output: codec } = yield* codecsOf(job)
      const decode = Schema.decodeUnknownEffect(JsonText.codec(codec))
      const pool = yield* connect(options)
      return Stream.tick("500 millis").pipe(
        Stream.mapEffect(() => pool.output(key)),
        Stream.takeUntil(isOver),
        Stream.changesWith((one, other) => one.state === other.state && one.output === other.output),
        Stream.filter(({ output }) => output !== undefined),
        Stream.mapEffect(({ done, output, state, total }) =>
          Effect.map(Effect.orDie(decode(output)), (decoded) => ({ state, done, total, output: decoded }))
        )
      )
    })
  )

/**
 * Cancels a run, for all its clients: they fail with `RunCancelled`. Its checkpoint is kept. Returns false for a run
 * that does not exist, or has ended.
 *
 * @category running
 * @since 0.1.0
 */
export const cancel = (
  key: string,
  options: PoolOptions = {}
): Effect.Effect<boolean, ClusterError, Sharding.Sharding> =>
  Effect.flatMap(connect(options), (pool) => pool.cancel(key))

/** Lists the runs of a pool, or of all pools, the last changed first. @category getters @since 0.1.0 */
export const list = (pool?: string): Effect.Effect<ReadonlyArray<RunRecord>, ClusterError, RunStore> =>
  Effect.flatMap(RunStore, (store) => store.list(pool))
