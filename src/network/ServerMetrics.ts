/** The stats of a server, published as Effect metrics too: one set for each service name. */
import type * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import { type RefusalReason, refusalReasons } from "./server/ConnectionLimits.ts"

/** Counters of a server since its start; `active` is the current number of connections. */
export interface Stats {
  active: number
  accepted: number
  /** Connections that were refused, for whatever reason. */
  refused: number
  /** Connections ended by the idle timeout or the write timeout. */
  timedOut: number
  bytesReceived: number
  bytesSent: number
}

/** The stats of a server that has just started. */
export const zero: Readonly<Stats> = {
  active: 0,
  accepted: 0,
  refused: 0,
  timedOut: 0,
  bytesReceived: 0,
  bytesSent: 0
}

const counter = (name: string, description: string) =>
  Metric.counter(`effect_inet_${name}`, { description, incremental: true })

const connections = counter("connections_total", "Connections, by result: accepted, refused, timed_out")
const refusals = counter("connections_refused_total", "Refused connections, by reason")
const bytes = counter("bytes_total", "Bytes over connections, by direction")
const active = Metric.gauge("effect_inet_connections_active", { description: "Connections being served" })

/**
 * Returns mutable stats, `refuse`, which counts a refused connection, and `publish`, which updates the metrics with the
 * changes. The metrics of the service exist from now on, with 0 for what has not happened yet.
 *
 * Updating a metric costs as much as a round trip, so `publish` is for once a sweep.
 */
export const make = (service: string, context: Context.Context<never>) => {
  const add = (metric: Metric.Metric<number, unknown>, attributes: Record<string, string>) => {
    const own = Metric.withAttributes(metric, { service, ...attributes })
    return (amount: number) => own.updateUnsafe(amount, context)
  }
  const counters = {
    accepted: add(connections, { result: "accepted" }),
    refused: add(connections, { result: "refused" }),
    timedOut: add(connections, { result: "timed_out" }),
    bytesReceived: add(bytes, { direction: "in" }),
    bytesSent: add(bytes, { direction: "out" })
  }
  const gauge = add(active, {})
  gauge(0)
  for (const addTo of Object.values(counters)) addTo(0)
  for (const reason of refusalReasons) add(refusals, { reason })(0)
  const stats: Stats = { ...zero }
  const published: Stats = { ...zero }
  /** Refused connections since the last `publish`. */
  const refused = new Map<RefusalReason, number>()
  const refuse = (reason: RefusalReason) => {
    stats.refused++
    refused.set(reason, (refused.get(reason) ?? 0) + 1)
  }
  const publish = () => {
    gauge(stats.active)
    for (const name of Object.keys(counters) as ReadonlyArray<keyof typeof counters>) {
      if (stats[name] !== published[name]) counters[name](stats[name] - published[name])
      published[name] = stats[name]
    }
    for (const [reason, count] of refused) add(refusals, { reason })(count)
    refused.clear()
  }
  return { stats, refuse, publish }
}
