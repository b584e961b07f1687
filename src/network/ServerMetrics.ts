/** The figures of a server as Effect metrics, one set for each service name. */
import type * as Context from "effect/Context"
import * as Metric from "effect/Metric"

const counter = (name: string, description: string) =>
  Metric.counter(`effect_inet_${name}`, { description, incremental: true })

const connections = counter("connections_total", "Connections, by what became of them at the door and after")
const bytes = counter("bytes_total", "Bytes over connections, by direction")
const active = Metric.gauge("effect_inet_connections_active", { description: "Connections being served" })

/** Counts without an effect: these are called from sweeps and from the accept loop. */
export const make = (service: string, context: Context.Context<never>) => {
  const add = (metric: Metric.Metric<number, unknown>, attributes: Record<string, string>) => {
    const own = Metric.withAttributes(metric, { service, ...attributes })
    return (amount: number) => own.updateUnsafe(amount, context)
  }
  return {
    accepted: add(connections, { result: "accepted" }),
    refused: add(connections, { result: "refused" }),
    timedOut: add(connections, { result: "timed_out" }),
    received: add(bytes, { direction: "in" }),
    sent: add(bytes, { direction: "out" }),
    active: add(active, {})
  }
}
