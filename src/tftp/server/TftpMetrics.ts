/** The counters of a TFTP server, as a record and as Effect metrics. */
import type * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import type * as Transfer from "../transfer/Transfer.ts"

/** Counters of a server since its start. @category models @since 0.1.0 */
export interface Stats {
  /** Transfers in progress. */
  active: number
  /** Requests that started a transfer. */
  started: number
  /** Transfers that succeeded. */
  finished: number
  /** Transfers that the client ended after the OACK, as UEFI does to learn the size of a file. */
  probed: number
  /** Transfers that failed or were stopped. */
  failed: number
  /** Requests refused by the store or by a limit. */
  refused: number
  /** Requests received again while their transfer was running. */
  duplicates: number
  /** Datagrams to the listen sockets that are not requests. */
  malformed: number
  /** Bytes of files sent. */
  bytesSent: number
  /** Bytes of files received. */
  bytesReceived: number
  /** Packets sent again after a timeout or a gap. */
  resent: number
}

const counter = (name: string, description: string) =>
  Metric.counter(`effect_inet_tftp_${name}`, { description, incremental: true })

const transfers = counter("transfers_total", "Transfers, by direction and result")
const bytes = counter("bytes_total", "Bytes of files, by direction")
const resent = counter("resent_packets_total", "Packets sent again after a timeout or a gap")
const active = Metric.gauge("effect_inet_tftp_transfers_active", { description: "Transfers in progress" })
const rtt = Metric.histogram("effect_inet_tftp_rtt_milliseconds", {
  description: "Smoothed round trip time of a transfer, at its end",
  boundaries: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000]
})

/** The direction of the file, as seen from the server. */
export type Direction = "out" | "in"

/** Makes the counters of one server; the totals of a transfer are added when it has ended. */
export const make = (context: Context.Context<never>) => {
  const stats: Stats = {
    active: 0,
    started: 0,
    finished: 0,
    probed: 0,
    failed: 0,
    refused: 0,
    duplicates: 0,
    malformed: 0,
    bytesSent: 0,
    bytesReceived: 0,
    resent: 0
  }
  const addActive = (by: 1 | -1) => {
    stats.active += by
    active.updateUnsafe(stats.active, context)
  }
  /** Counts an ended transfer. The result is `finished`, `probed`, `refused`, `stopped` or the tag of a failure. */
  const countEnded = (direction: Direction, result: string, summary: Transfer.Summary | undefined) => {
    Metric.withAttributes(transfers, { direction, result }).updateUnsafe(1, context)
    if (summary === undefined) return
    stats[direction === "out" ? "bytesSent" : "bytesReceived"] += summary.bytes
    stats.resent += summary.resent
    Metric.withAttributes(bytes, { direction }).updateUnsafe(summary.bytes, context)
    resent.updateUnsafe(summary.resent, context)
    if (summary.rtt !== undefined) rtt.updateUnsafe(summary.rtt.smoothed, context)
  }
  return { stats, addActive, countEnded }
}
