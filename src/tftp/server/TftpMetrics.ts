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

/** Results of failures. A server resolves no names. */
const failureResults = {
  Refused: "refused_by_client",
  Timeout: "timed_out",
  Superseded: "superseded",
  DeadlineExceeded: "deadline_exceeded",
  ProtocolViolation: "protocol_violation",
  SizeMismatch: "size_mismatch",
  File: "file_error",
  Socket: "socket_error",
  Unresolved: "socket_error",
  ThreadEnded: "thread_ended"
} as const satisfies Readonly<Record<TftpError.Reason["_tag"], string>>

const otherResults = ["finished", "probed", "refused", "stopped", "gave_way"] as const

/** The result of a request, as the label of a metric. */
export type Result = (typeof failureResults)[TftpError.Reason["_tag"]] | (typeof otherResults)[number]

const results: ReadonlySet<Result> = new Set([...otherResults, ...Object.values(failureResults)])

/** Returns the result of a transfer that failed. */
export const failureResult = ({ _tag }: TftpError.Reason): Result => failureResults[_tag]

/** Returns the series of a service. They exist from then on, with 0 before the first transfer. */
const seriesOf = (service: string, context: Context.Context<never>) => {
  const own = <Input, State>(metric: Metric.Metric<Input, State>) => Metric.withAttributes(metric, { service })
  const add = (metric: Metric.Metric<number, unknown>) => {
    metric.updateUnsafe(0, context)
    return (value: number) => metric.updateUnsafe(value, context)
  }
  const ownRtt = own(rtt)
  ownRtt.valueUnsafe(context)
  const bytesIn = (direction: Direction) => Metric.withAttributes(bytes, { service, direction })
  const transfersIn = (direction: Direction, result: Result) =>
    Metric.withAttributes(transfers, { service, direction, result })
  for (const direction of directions) {
    add(bytesIn(direction))
    for (const result of results) add(transfersIn(direction, result))
  }
  return {
    setActive: add(own(active)),
    addResent: add(own(resent)),
    addDuplicates: add(own(duplicates)),
    addMalformed: add(own(malformed)),
    addBytes: (direction: Direction, count: number) => bytesIn(direction).updateUnsafe(count, context),
    addTransfer: (direction: Direction, result: Result) => transfersIn(direction, result).updateUnsafe(1, context),
    addRtt: (millis: number) => ownRtt.updateUnsafe(millis, context)
  }
}

/** Makes the counters of one server; the totals of a transfer are added when it has ended. */
export const make = (service: string, context: Context.Context<never>) => {
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
  const series = seriesOf(service, context)
  const addActive = (by: 1 | -1) => {
    stats.active += by
    series.setActive(stats.active)
  }
  const countDuplicate = () => {
    stats.duplicates++
    series.addDuplicates(1)
  }
  const countMalformed = () => {
    stats.malformed++
    series.addMalformed(1)
  }
  /** Counts an ended transfer. */
  const countEnded = (direction: Direction, result: Result, summary: Transfer.Summary | undefined) => {
    series.addTransfer(direction, result)
    if (summary === undefined) return
    stats[direction === "out" ? "bytesSent" : "bytesReceived"] += summary.bytes
    stats.resent += summary.resent
    series.addBytes(direction, summary.bytes)
    series.addResent(summary.resent)
    stats.malformed += summary.malformed
    series.addMalformed(summary.malformed)
    if (summary.rtt !== undefined) series.addRtt(summary.rtt.smoothed)
  }
  return { stats, addActive, countDuplicate, countMalformed, countEnded }
}
