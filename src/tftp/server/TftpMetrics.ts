/** The stats of a TFTP server, and the same as Effect metrics. */
import type * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import type * as Transfer from "../transfer/Transfer.ts"

/** What a server has done so far. @category models @since 0.1.0 */
export interface Stats {
  /** Transfers that run now. */
  active: number
  /** Requests that became a transfer. */
  started: number
  finished: number
  /** Ended after the options, as UEFI does to learn a size. */
  probed: number
  failed: number
  /** Refused by the store or by a limit. */
  refused: number
  /** Requests that came again while their transfer ran. */
  duplicates: number
  /** Datagrams at the door that are no request. */
  malformed: number
  /** Bytes of files. */
  bytesSent: number
  bytesReceived: number
  /** Packets sent more than once. */
  resent: number
}

const counter = (name: string, description: string) =>
  Metric.counter(`effect_inet_tftp_${name}`, { description, incremental: true })

const transfers = counter("transfers_total", "Transfers, by direction and by what became of them")
const bytes = counter("bytes_total", "Bytes of files, by direction")
const resent = counter("resent_packets_total", "Packets sent more than once")
const active = Metric.gauge("effect_inet_tftp_transfers_active", { description: "Transfers that run now" })
const rtt = Metric.histogram("effect_inet_tftp_rtt_milliseconds", {
  description: "Smoothed round trip of a transfer, at its end",
  boundaries: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000]
})

/** Which way the file goes, as seen from the server. */
export type Direction = "out" | "in"

/** Counts what a server does; a transfer is told of when it has ended. */
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
  /** `result` is `finished`, `probed`, `refused`, or what failed: `Timeout`, `Refused`, `File`... */
  const countEnded = (direction: Direction, result: string, summary: Transfer.Summary | undefined) => {
    Metric.withAttributes(transfers, { direction, result }).updateUnsafe(1, context)
    if (summary === undefined) return
    stats[direction === "out" ? "bytesSent" : "bytesReceived"] += summary.bytes
    stats.resent += summary.resent
    Metric.withAttributes(bytes, { direction }).updateUnsafe(summary.bytes, context)
    resent.updateUnsafe(summary.resent, context)
    if (summary.rtt !== undefined) rtt.updateUnsafe(summary.rtt.smoothed, context)
  }
  return { stats, occupy: addActive, ended: countEnded }
}
