/**
 * The host of pools: it splits the runs, gives packets to the agents that ask for some, merges the results, and writes
 * checkpoints. The cluster decides which of several hosts has a pool, and moves it when that one ends or dies.
 *
 * It works on the thread that serves the cluster: give it a processor of its own, and let agents run elsewhere.
 */
import * as Clock from "effect/Clock"
import * as Entity from "effect/cluster/Entity"
import type * as Sharding from "effect/cluster/Sharding"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Rpc from "effect/rpc/Rpc"
import * as Monotonic from "../network/Monotonic.ts"
import * as Quantity from "../network/Quantity.ts"
import * as AgentAssignment from "./AgentAssignment.ts"
import * as AgentTable from "./AgentTable.ts"
import * as ClusterMetrics from "./ClusterMetrics.ts"
import { type ExchangeAnswer, type ExchangeCall, FarmPool, formatJob } from "./FarmPool.ts"
import * as HostedRun from "./HostedRun.ts"
import type { HostedRuns } from "./HostedRuns.ts"
import { JobModules } from "./JobModules.ts"
import { type RunSpec, RunStore } from "./RunStore.ts"

/** The options of a host. @category models @since 0.1.0 */
export interface Options {
  /** The time between two writes of the checkpoint of a run. Default 2 seconds. */
  readonly checkpointInterval?: Duration.Input | undefined
  /** The time after which an agent that has not called has left. Default 2 seconds, with three calls at least. */
  readonly silence?: Duration.Input | undefined
  /** The time for which runs that have ended are kept, with their outputs. Default 7 days. */
  readonly keepRuns?: Duration.Input | undefined
  /** Receives the runs on this host, for observers. Default: nothing does. */
  readonly observed?: HostedRuns | undefined
}

/** The call of an agent with the answer to it, which a repeated call receives as well. */
interface LastCall {
  readonly sequence: number
  readonly answer: Deferred.Deferred<ExchangeAnswer>
}

/** A pool on this host. */
interface Pool {
  readonly context: HostedRun.Context
  readonly runs: Map<string, HostedRun.HostedRun>
  readonly observed: HostedRuns | undefined
  readonly lastCalls: Map<string, LastCall>
  readonly now: () => number
  readonly silenceMillis: number
  /** Distinguishes the sessions of this host from those of an earlier one. */
  readonly sessionPrefix: string
}

/** The time for which a call waits for tasks, at most: a third of the time after which its agent would be silent. */
const maxWaitMillis = 1_000

const isEmpty = ({ cancels, tasks }: ExchangeAnswer) => cancels.length === 0 && tasks.length === 0

const noTasks = (session: string): ExchangeAnswer => ({ session, tasks: [], cancels: [] })

/** Returns the agent of a call. Its first call, also of one that another host knew, makes it join. */
const agentOf = Effect.fnUntraced(function* ({ context: { table }, now, sessionPrefix }: Pool, call: ExchangeCall) {
  const known = table.agents.get(call.agent)
  if (known !== undefined && known.session === call.session) return known
  yield* Effect.logInfo(`${call.name} joins the pool with ${Quantity.format(call.slots, "thread")}`)
  return AgentTable.join(table, call, sessionPrefix, now())
})

const answerTo = Effect.fnUntraced(function* (pool: Pool, call: ExchangeCall) {
  const { lastCalls, now, silenceMillis } = pool
  const { table } = pool.context
  const agent = yield* agentOf(pool, call)
  AgentTable.receive(agent, call, now())
  if (call.leaving) {
    yield* Effect.logInfo(`${call.name} leaves the pool`)
    AgentTable.remove(table, agent, "it has left", false)
    lastCalls.delete(call.agent)
    return noTasks(agent.session)
  }
  const given = AgentAssignment.give(table, agent)
  if (!call.wait || !isEmpty(given)) return given
  yield* Effect.timeoutOption(agent.signal.wait, Math.min(maxWaitMillis, silenceMillis / 3))
  agent.heardAtMillis = now()
  return AgentAssignment.give(table, agent)
})

const exchange = (pool: Pool, call: ExchangeCall): Effect.Effect<ExchangeAnswer> =>
  Effect.suspend(() => {
    const { lastCalls } = pool
    const last = lastCalls.get(call.agent)
    if (last?.sequence === call.sequence) return Deferred.await(last.answer)
    // A copy of an older call, whose answer nobody reads.
    if (last !== undefined && call.sequence < last.sequence) return Effect.succeed(noTasks(call.session))
    const current: LastCall = { sequence: call.sequence, answer: Deferred.makeUnsafe() }
    lastCalls.set(call.agent, current)
    return answerTo(pool, call).pipe(
      // Nothing was given, and the outcomes are known: a copy of an interrupted call may be served anew.
      Effect.onInterrupt(() => Effect.sync(() => void lastCalls.delete(call.agent))),
      Effect.onExit((exit) => Deferred.done(current.answer, exit))
    )
  })

const isSameRun = (one: RunSpec, other: RunSpec) =>
  formatJob(one.job) === formatJob(other.job) && one.input === other.input

const runOrJoin = Effect.fnUntraced(function* (
  { context, observed, runs }: Pool,
  spec: RunSpec,
  settings: Parameters<typeof HostedRun.execute>[2]
) {
  const { key } = spec
  const live = runs.get(key)
  if (live !== undefined && isSameRun(live.spec, spec)) return yield* Deferred.await(live.reply)
  const hosted = yield* HostedRun.make(spec)
  const execute = HostedRun.execute(context, hosted, settings)
  // Another run with this key is refused by the table, and does not take the place of the first.
  if (live !== undefined) return yield* execute
  runs.set(key, hosted)
  const ended = observed?.begin(hosted)
  return yield* execute.pipe(
    Effect.onExit((exit) => {
      runs.delete(key)
      return Effect.andThen(ended?.(exit) ?? Effect.void, Deferred.done(hosted.reply, exit))
    })
  )
})

const watch = Effect.fnUntraced(function* ({ context, runs }: Pool, pool: string, key: string) {
  const live = runs.get(key)
  if (live !== undefined) return yield* HostedRun.status(live)
  const record = yield* context.store.find({ pool, key })
  return yield* HostedRun.statusOf(key, record)
})

const cancel = Effect.fnUntraced(function* ({ context, runs }: Pool, pool: string, key: string) {
  const live = runs.get(key)
  if (live === undefined) return yield* context.store.cancel({ pool, key })
  yield* Deferred.succeed(live.cancelled, undefined)
  const error = yield* Effect.option(Effect.flip(Deferred.await(live.reply)))
  // It may have ended meanwhile.
  return Option.exists(error, ({ reason }) => reason._tag === "RunCancelled")
})

const sweepMillis = 100

/** The delay of a sweep from which on this process has not run itself. */
const pausedMillis = 250

/** Removes silent agents. The time in which this process did not run itself is not silence of theirs. */
const sweep = Effect.fnUntraced(function* ({ context: { metrics, table }, lastCalls, now, silenceMillis }: Pool) {
  const startMillis = now()
  yield* Effect.sleep(sweepMillis)
  const lateMillis = now() - startMillis - sweepMillis
  if (lateMillis > pausedMillis) AgentTable.excuse(table, lateMillis)
  for (const agent of table.agents.values()) AgentTable.flush(agent)
  const message = `no call for ${silenceMillis / 1_000} s`
  const silent = AgentTable.removeSilent(table, now() - silenceMillis, message)
  metrics.agentsSilent(silent.length)
  metrics.publish(table)
  for (const { id, name } of silent) {
    lastCalls.delete(id)
    yield* Effect.logWarning(`${name} has left the pool: ${message}`)
  }
})

const pruneInterval = "1 hour"

const prune = Effect.fnUntraced(function* (store: RunStore["Service"], pool: string, keepMillis: number) {
  const beforeMillis = (yield* Clock.currentTimeMillis) - keepMillis
  const count = yield* store.prune(pool, beforeMillis)
  if (count > 0) yield* Effect.logInfo(`${Quantity.format(count, "run")} that ended long ago: removed`)
})

const makePool = Effect.fnUntraced(function* (options: Options, name: string) {
  const now = yield* Monotonic.millis
  const store = yield* RunStore
  const metrics = ClusterMetrics.ofPool(name, yield* Effect.context<never>())
  const pool: Pool = {
    context: {
      jobs: yield* JobModules,
      store,
      metrics,
      table: AgentTable.make(),
      checkpointInterval: options.checkpointInterval ?? "2 seconds"
    },
    runs: new Map(),
    observed: options.observed,
    lastCalls: new Map(),
    now,
    silenceMillis: Duration.toMillis(options.silence ?? "2 seconds"),
    sessionPrefix: `${yield* Clock.currentTimeMillis}-`
  }
  const keepMillis = Duration.toMillis(options.keepRuns ?? "7 days")
  yield* Effect.addFinalizer(() => Effect.sync(metrics.clear))
  yield* Effect.forkScoped(Effect.forever(sweep(pool)))
  const pruneOrWarn = Effect.catch(prune(store, name, keepMillis), ({ message }) => Effect.logWarning(message))
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(pruneOrWarn, Effect.sleep(pruneInterval))))
  return pool
})

/**
 * Offers to host pools. Of several hosts, each pool is on one.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<never, never, JobModules | RunStore | Sharding.Sharding> =>
  FarmPool.toLayer(
    Effect.gen(function* () {
      const { entityId: name } = yield* Entity.CurrentAddress
      const pool = yield* makePool(options, name)
      yield* Effect.logInfo("the pool is on this host")
      return FarmPool.of({
        Run: ({ payload: { attempt, input, job, key, settings } }) =>
          Rpc.fork(Effect.annotateLogs(runOrJoin(pool, { pool: name, key, job, input, attempt }, settings), { key })),
        Exchange: ({ payload }) => Rpc.fork(exchange(pool, payload)),
        Watch: ({ payload: { key } }) => Rpc.fork(watch(pool, name, key)),
        Output: ({ payload: { key } }) => Rpc.fork(HostedRun.partialOutput(pool.context, { pool: name, key })),
        Cancel: ({ payload: { key } }) => Rpc.fork(cancel(pool, name, key))
      })
    }),
    { maxIdleTime: "1 hour", concurrency: "unbounded" }
  )
