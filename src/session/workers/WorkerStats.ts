/** The stats of a server with workers: the sum of what its workers have reported. */
import * as Effect from "effect/Effect"
import { zero } from "../../network/ServerMetrics.ts"
import type * as TcpServer from "../../network/TcpServer.ts"

/** Time that the stats wait for the report of a busy worker. */
const reportTimeoutMillis = 250

const add = (one: TcpServer.Stats, other: TcpServer.Stats): TcpServer.Stats => ({
  active: one.active + other.active,
  accepted: one.accepted + other.accepted,
  refused: one.refused + other.refused,
  timedOut: one.timedOut + other.timedOut,
  bytesReceived: one.bytesReceived + other.bytesReceived,
  bytesSent: one.bytesSent + other.bytesSent
})

/** Makes the stats of a server without workers. */
export const make = () => {
  const reported = new Map<number, TcpServer.Stats>()
  const listeners = new Set<(id: number) => void>()
  let endedStats = zero

  const notify = (id: number) => {
    for (const listener of [...listeners]) listener(id)
  }
  return {
    /** Replaces the stats of a worker. */
    report: (id: number, stats: TcpServer.Stats) => {
      reported.set(id, stats)
      notify(id)
    },
    /** Keeps the last stats of a worker that has ended, without its open connections. */
    end: (id: number) => {
      endedStats = add(endedStats, { ...(reported.get(id) ?? zero), active: 0 })
      reported.delete(id)
      notify(id)
    },
    total: () => [...reported.values()].reduce(add, endedStats),
    /** Requests the reports of workers, and waits for them. A worker that is late keeps its last stats. */
    refresh: (workers: () => Iterable<number>, request: (id: number) => void) =>
      Effect.callback<void>((resume) => {
        const missing = new Set(workers())
        const listener = (id: number) => {
          missing.delete(id)
          if (missing.size === 0) resume(Effect.void)
        }
        listeners.add(listener)
        for (const id of missing) request(id)
        listener(0)
        return Effect.sync(() => listeners.delete(listener))
      }).pipe(Effect.timeoutOption(reportTimeoutMillis))
  }
}
