/**
 * An agent: threads of this process work for a pool, wherever that is. It needs no port. It calls the host of the pool
 * for tasks, brings the outcomes with the next call, and repeats a call until it is answered: the death of a host is a
 * pause.
 */
import type * as Sharding from "effect/cluster/Sharding"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import { FarmError, InvalidOptions } from "../farm/FarmError.ts"
import type { Workers } from "../farm/Worker.ts"
import * as Quantity from "../network/Quantity.ts"
import * as AgentTasks from "./AgentTasks.ts"
import * as ClusterMetrics from "./ClusterMetrics.ts"
import { defaultPool, type ExchangeAnswer, type ExchangeCall, FarmPool, formatJob } from "./FarmPool.ts"
import { JobModules } from "./JobModules.ts"

/** The options of an agent. @category models @since 0.1.0 */
export interface Options {
  /** The pool to work for. Default `default`. */
  readonly pool?: string | undefined
  /** The number of threads: 1 or more. */
  readonly threads: number
  /** Starts this number of threads that have loaded a module, such as `NodeThreadWorkers.make`. */
  readonly workers: (module: string, threads: number) => Workers
  /** The name in progress and messages. */
  readonly name: string
  /** The machine: agents of one machine share it. Default: the name. */
  readonly host?: string | undefined
}

/** The time for which results are awaited before a call without any. */
const heartbeatMillis = 250

/** The delay before a call is repeated that the host did not answer. */
const retryMillis = 200

/** The time for the last call of an agent that ends. */
const leaveMillis = 1_000

/** A call and its answer. A call of the cluster waits for a new host when the old one dies. */
type Call = (call: ExchangeCall) => Effect.Effect<ExchangeAnswer, { readonly message: string }>

/** The constant fields of a call. */
type Identity = Pick<ExchangeCall, "agent" | "host" | "jobs" | "name" | "slots">

/** Repeats a call until it is answered. A host that stops interrupts its callers instead of failing them. */
const callUntilAnswered = (call: Call, request: ExchangeCall): Effect.Effect<ExchangeAnswer> =>
  Effect.catchCause(call(request), (cause) =>
    Effect.logDebug("the pool did not answer", cause).pipe(
      Effect.andThen(Effect.sleep(retryMillis)),
      Effect.andThen(Effect.suspend(() => callUntilAnswered(call, request)))
    )
  )

const requestOf = (
  identity: Identity,
  tasks: AgentTasks.AgentTasks,
  { sequence, session }: Pick<ExchangeCall, "sequence" | "session">
): ExchangeCall => ({
  ...identity,
  ...AgentTasks.take(tasks),
  ...{ session, sequence, working: AgentTasks.working(tasks), wait: AgentTasks.isIdle(tasks), leaving: false }
})

/** Calls the pool for ever, until the scope closes. */
const serve = Effect.fnUntraced(function* (
  identity: Identity,
  tasks: AgentTasks.AgentTasks,
  metrics: ClusterMetrics.AgentMetrics,
  call: Call
) {
  const at = { session: "", sequence: 0 }
  const exchange = Effect.gen(function* () {
    // With tasks in hand: an outcome or the time of a heartbeat, whichever is first.
    if (!AgentTasks.isIdle(tasks) && !AgentTasks.hasOutcomes(tasks)) {
      yield* Effect.timeoutOption(tasks.signal.wait, heartbeatMillis)
    }
    at.sequence++
    const request = requestOf(identity, tasks, at)
    const answer = yield* callUntilAnswered(call, request)
    if (answer.session !== at.session) {
      if (at.session !== "") yield* Effect.logInfo("the pool has a new host: what was in progress is given anew")
      AgentTasks.dropAll(tasks)
      at.session = answer.session
      metrics.sessionBegan()
    }
    AgentTasks.cancel(tasks, answer.cancels)
    AgentTasks.add(tasks, answer.tasks)
    metrics.publish(request.outcomes, tasks.held.size)
  })
  const nothing = { outcomes: [], lostJobs: [], working: [], wait: false, leaving: true }
  const leave = Effect.suspend(() => call({ ...identity, ...nothing, ...at, sequence: at.sequence + 1 }))
  yield* Effect.addFinalizer(() => Effect.ignoreCause(Effect.timeoutOption(leave, leaveMillis)))
  yield* Effect.forkScoped(Effect.forever(exchange))
})

/**
 * Starts an agent, which leaves the pool when the scope closes. Threads are started with the first task of a job.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options) {
  const { host = options.name, name, pool = defaultPool, threads, workers } = options
  if (!(Number.isInteger(threads) && threads > 0)) {
    const message = `invalid thread count ${threads}: must be a whole number, at least 1`
    return yield* new FarmError({ reason: new InvalidOptions({ message }) })
  }
  const { find, jobs } = yield* JobModules
  const client = (yield* FarmPool.client)(pool)
  const tasks = yield* AgentTasks.make({ threads, find, workers: (module) => workers(module, threads) })
  const agent = `${name} ${yield* Random.nextInt}-${yield* Random.nextInt}`
  const identity: Identity = { agent, name, host, jobs, slots: threads }
  yield* Effect.logInfo(
    `${name} works for pool ${pool} with ${Quantity.format(threads, "thread")}: ${jobs.map(formatJob).join(", ")}`
  )
  const metrics = ClusterMetrics.ofAgent(pool, yield* Effect.context<never>())
  yield* serve(identity, tasks, metrics, (call) => client.Exchange(call))
})

/**
 * Works for a pool as long as the layer lives.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<never, FarmError, JobModules | Sharding.Sharding> =>
  Layer.effectDiscard(make(options))
