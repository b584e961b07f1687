/**
 * Metrics of hosts and agents in Effect Metrics, with the pool as an attribute. The packets, retries and efficiency of
 * runs are metrics of `Farm`, which the host of their pool has, with the job as an attribute.
 */
import type * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import * as MetricSeries from "../network/server/MetricSeries.ts"
import type { AgentTable } from "./AgentTable.ts"
import type { Outcome } from "./FarmPool.ts"

const counter = (name: string, description: string) =>
  Metric.counter(`effect_inet_cluster_${name}`, { description, incremental: true })

const gauge = (name: string, description: string) => Metric.gauge(`effect_inet_cluster_${name}`, { description })

const agents = gauge("agents", "Agents of the pool, on the host that has it")
const threads = gauge("threads", "Threads of these agents")
const tasks = gauge("tasks", "Packets of the pool, by state: waiting for an agent, or held by one")
const runs = gauge("runs", "Runs of the pool in progress")
const epoch = gauge("epoch", "Hosts that the run in progress with the most of them has had")
const silent = counter("silent_agents_total", "Agents that have left the pool without a word")
const takeovers = counter("takeovers_total", "Runs that this host has continued")
const refused = counter("refused_writes_total", "Runs of this host that another one has taken over")
const held = gauge("agent_tasks", "Packets that this agent has")
const outcomes = counter("agent_outcomes_total", "Packets of this agent that have ended, by result")
const sessions = counter("agent_sessions_total", "Hosts that have accepted this agent, one after the other")

/** The service in the attributes. */
const service = "farm"

/** The metrics of a pool on its host. */
export interface PoolMetrics {
  readonly runBegan: (epoch: number) => void
  readonly runEnded: (epoch: number) => void
  readonly writeRefused: () => void
  readonly agentsSilent: (count: number) => void
  /** Publishes the state of the pool. */
  readonly publish: (table: AgentTable) => void
  /** The pool is not on this host any more. */
  readonly clear: () => void
}

/** Makes the metrics of a pool, which exist from then on, with 0. */
export const ofPool = (pool: string, context: Context.Context<never>): PoolMetrics => {
  const { level, total } = MetricSeries.ofService(service, context)
  const [setAgents, setThreads] = [level(agents, { pool }), level(threads, { pool })]
  const [setWaiting, setHeld] = [level(tasks, { pool, state: "waiting" }), level(tasks, { pool, state: "held" })]
  const [setRuns, setEpoch] = [level(runs, { pool }), level(epoch, { pool })]
  const [setSilent, setTakeovers] = [total(silent, { pool }), total(takeovers, { pool })]
  const setRefused = total(refused, { pool })
  const counts = { silent: 0, takeovers: 0, refused: 0 }
  /** The epochs of the runs in progress. */
  const epochs: Array<number> = []
  return {
    runBegan: (of) => {
      epochs.push(of)
      if (of > 1) setTakeovers(++counts.takeovers)
    },
    runEnded: (of) => void epochs.splice(epochs.indexOf(of), 1),
    writeRefused: () => setRefused(++counts.refused),
    agentsSilent: (count) => {
      counts.silent += count
      setSilent(counts.silent)
    },
    publish: (table) => {
      let [threadCount, waitingCount, heldCount] = [0, 0, 0]
      for (const agent of table.agents.values()) {
        threadCount += agent.slots.length
        heldCount += agent.held.size
        for (const { workers } of agent.slots) for (const { waiting } of workers) waitingCount += waiting.size
      }
      setAgents(table.agents.size)
      setThreads(threadCount)
      setWaiting(waitingCount)
      setHeld(heldCount)
      setRuns(epochs.length)
      setEpoch(Math.max(0, ...epochs))
    },
    clear: () => {
      for (const set of [setAgents, setThreads, setWaiting, setHeld, setRuns, setEpoch]) set(0)
    }
  }
}

/** The metrics of an agent. */
export interface AgentMetrics {
  readonly sessionBegan: () => void
  /** Counts outcomes that the host receives, and publishes the packets in hand. */
  readonly publish: (ended: ReadonlyArray<Outcome>, inHand: number) => void
}

/** Makes the metrics of an agent, which exist from then on, with 0. */
export const ofAgent = (pool: string, context: Context.Context<never>): AgentMetrics => {
  const { level, total } = MetricSeries.ofService(service, context)
  const setSessions = total(sessions, { pool })
  const setTasks = level(held, { pool })
  const tags = ["Done", "Failed", "Stopped"] as const
  const results = tags.map((tag) => [tag, total(outcomes, { pool, result: tag.toLowerCase() })] as const)
  const counts = { sessions: 0, Done: 0, Failed: 0, Stopped: 0 }
  return {
    sessionBegan: () => setSessions(++counts.sessions),
    publish: (ended, inHand) => {
      for (const { _tag } of ended) counts[_tag]++
      for (const [tag, set] of results) set(counts[tag])
      setTasks(inHand)
    }
  }
}
