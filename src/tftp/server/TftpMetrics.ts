/** The counters of a TFTP server, as a record and as Effect metrics. */
import type * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import type * as TftpError from "../TftpError.ts"
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
  /** Transfers of silent clients that gave way to others while all were in use. */
  gaveWay: number
  /** Requests refused by the store, by a limit, or by the address of the client. */
  refused: number
  /** Requests received again while their transfer was running. */
  duplicates: number
  /** Datagrams that are neither valid requests nor packets of a transfer. */
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
const duplicates = counter("duplicate_requests_total", "Requests received again while their transfer was running")
const malformed = counter("malformed_packets_total", "Datagrams that are neither requests nor packets of a transfer")
const active = Metric.gauge("effect_inet_tftp_transfers_active", { description: "Transfers in progress" })
const rtt = Metric.histogram("effect_inet_tftp_rtt_milliseconds", {
  description: "Smoothed round trip time of a transfer, at its end",
  boundaries: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000]
})

/** The direction of the file, as seen from the server. */
export type Direction = "out" | "in"

const directions: ReadonlyArray<Direction> = ["out", "in"]

/** Result of a request; a failure has the tag of its reason. A server resolves no names. */
type Result =
  | "finished"
  | "probed"
  | "refused"
  | "stopped"
  | "gave-way"
  | Exclude<TftpError.Reason["_tag"], "Unresolved">

const results: Readonly<Record<Result, true>> = {
  finished: true,
  probed: true,
  refused: true,
  stopped: true,
  "gave-way": true,
  Refused: true,
  Timeout: true,
  Superseded: true,
  DeadlineExceeded: true,
  ProtocolViolation: true,
  SizeMismatch: true,
  File: true,
  Socket: true,
  ThreadEnded: true
}

/** Adds 0 to all metrics, so that they exist before the first transfer. */
const register = (context: Context.Context<never>) => {
  active.updateUnsafe(0, context)
  for (const packets of [resent, duplicates, malformed]) packets.updateUnsafe(0, context)
  rtt.valueUnsafe(context)
  for (const direction of directions) {
    Metric.withAttributes(bytes, { direction }).updateUnsafe(0, context)
    for (const result of Object.keys(results))
      Metric.withAttributes(transfers, { direction, result }).updateUnsafe(0, context)
  }
}

/** Makes the counters of one server; the totals of a transfer are added when it has ended. */
export const make = (context: Context.Context<never>) => {
  const stats: Stats = {
    active: 0,
    started: 0,
    finished: 0,
    probed: 0,
    failed: 0,
    gaveWay: 0,
    refused: 0,
    duplicates: 0,
    malformed: 0,
    bytesSent: 0,
    bytesReceived: 0,
    resent: 0
  }
  register(context)
  const addActive = (by: 1 | -1) => {
    stats.active += by
    active.updateUnsafe(stats.active, context)
  }
  const countDuplicate = () => {
    stats.duplicates++
    duplicates.updateUnsafe(1, context)
  }
  const countMalformed = () => {
    stats.malformed++
    malformed.updateUnsafe(1, context)
  }
  /**
   * Counts an ended transfer. The result is `finished`, `probed`, `refused`, `stopped`, `gave-way` or the tag of a
   * failure.
   */
  const countEnded = (direction: Direction, result: string, summary: Transfer.Summary | undefined) => {
    Metric.withAttributes(transfers, { direction, result }).updateUnsafe(1, context)
    if (summary === undefined) return
    stats[direction === "out" ? "bytesSent" : "bytesReceived"] += summary.bytes
    stats.resent += summary.resent
    Metric.withAttributes(bytes, { direction }).updateUnsafe(summary.bytes, context)
    resent.updateUnsafe(summary.resent, context)
    stats.malformed += summary.malformed
    malformed.updateUnsafe(summary.malformed, context)
    if (summary.rtt !== undefined) rtt.updateUnsafe(summary.rtt.smoothed, context)
  }
  return { stats, addActive, countDuplicate, countMalformed, countEnded }
}
