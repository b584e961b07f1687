/** Counts, logs and publishes what happens to each request of a server. */
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as LogLevel from "effect/LogLevel"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as Endpoint from "../../network/Endpoint.ts"
import * as Quantity from "../../network/Quantity.ts"
import * as ServerEvents from "../../network/ServerEvents.ts"
import type * as RefusalLog from "../../network/server/RefusalLog.ts"
import * as RefusalLogger from "../../network/server/RefusalLogger.ts"
import * as Negotiation from "../protocol/Negotiation.ts"
import type * as TftpError from "../TftpError.ts"
import * as TftpServerEvent from "../TftpServerEvent.ts"
import type * as Transfer from "../transfer/Transfer.ts"
import type * as ServerLimits from "./ServerLimits.ts"
import * as TftpMetrics from "./TftpMetrics.ts"
import * as TransferLog from "./TransferLog.ts"

type TransferInfo = TftpServerEvent.TransferInfo

/** The counters and events of a server, with a function for each step of a transfer. */
export interface ServerTelemetry {
  readonly stats: TftpMetrics.Stats
  readonly events: Stream.Stream<TftpServerEvent.Event>
  /** The transfers for observers; the functions below record their ends. */
  readonly log: TransferLog.TransferLog
  /** Returns the number of running transfers with clients at an address. */
  readonly activeTransfersOf: (address: string) => number
  /** Counts a transfer that starts. */
  readonly transferStarted: (info: TransferInfo) => void
  /** Counts a transfer that has ended, successfully or not. */
  readonly transferEnded: (info: TransferInfo) => void
  /** Publishes the progress of a transfer. */
  readonly progress: (info: TransferInfo, transfer: Transfer.Transfer) => void
  /** Counts a request that was received again. */
  readonly duplicate: (info: TransferInfo) => void
  /** Counts a datagram that is neither a valid request nor part of a transfer; logged once a minute. */
  readonly malformed: (client: Endpoint.Endpoint, detail: string) => void
  /** Reports a request that a limit or the list of networks refuses; logged once a minute. */
  readonly refusedByLimit: (
    info: TransferInfo,
    reason: ServerLimits.RefusalReason,
    peerMessage: string,
    detail: string
  ) => void
  /** Reports a refused request: `peerMessage` was sent to the client, `detail` goes to the log. */
  readonly refused: (info: TransferInfo, peerMessage: string, detail: string) => Effect.Effect<void>
  /** Reports a request that is refused because the fallback server has failed; each kind is logged once a minute. */
  readonly refusedByFallback: (info: TransferInfo, peerMessage: string, detail: string, kind: string) => void
  /** Reports a transfer that succeeded. */
  readonly finished: (
    info: TransferInfo,
    summary: Transfer.Summary,
    millis: number,
    file: TftpServerEvent.TransferredFile
  ) => Effect.Effect<void>
  /** Reports a transfer whose client wanted the size of the file only: it ended the transfer after the OACK. */
  readonly probed: (info: TransferInfo, errorCode: number, summary: Transfer.Summary) => Effect.Effect<void>
  /** Reports a transfer that failed. */
  readonly failed: (info: TransferInfo, error: TftpError.TftpError, summary: Transfer.Summary) => Effect.Effect<void>
  /** Reports a transfer that was stopped: the server is stopping, or the client sent another request. */
  readonly stopped: (info: TransferInfo, summary: Transfer.Summary | undefined) => Effect.Effect<void>
  /** Reports a transfer of a silent client that gave way to another; logged once a minute. */
  readonly gaveWay: (info: TransferInfo, summary: Transfer.Summary | undefined) => void
}

/** Options of the telemetry. */
export interface Options {
  /** Name of the service in metrics. */
  readonly service: string
  /** True to log each event with its values as annotations. */
  readonly annotatesLogs: boolean
  /** Returns monotonic time, in milliseconds. */
  readonly now: () => number
}

/** The summary of a transfer that was stopped before it began. */
const notBegun: Transfer.Summary = {
  bytes: 0,
  resent: 0,
  malformed: 0,
  rtt: undefined,
  blksize: Negotiation.defaults.blksize,
  windowsize: Negotiation.defaults.windowsize
}

const directionOf = ({ kind }: TransferInfo) => (kind === "RRQ" ? "out" : "in")

/** Reasons whose log lines are limited: anybody, or an outage, can cause many of them. */
type LimitedReason = ServerLimits.RefusalReason | "FallbackFailed" | "GaveWay" | "Malformed"

const requests = (count: number) => `${Quantity.format(count, "request")} refused`

/** The level of the lines of a reason, and their beginning. */
const limitedLines: Readonly<
  Record<LimitedReason, { readonly level: LogLevel.Severity; readonly countOf: (count: number) => string }>
> = {
  MaxTransfers: { level: "Warn", countOf: requests },
  MaxTransfersPerClient: { level: "Warn", countOf: requests },
  FallbackFailed: { level: "Warn", countOf: requests },
  NotAllowed: { level: "Info", countOf: requests },
  GaveWay: { level: "Warn", countOf: (count) => `${Quantity.format(count, "transfer")} gave way` },
  Malformed: { level: "Info", countOf: (count) => Quantity.format(count, "malformed packet") }
}

/** Key of the lines that are counted together: a reason, or one kind of failure of the fallback server. */
type LimitedKey = LimitedReason | `FallbackFailed: ${string}`

const reasonOf = (key: LimitedKey): LimitedReason =>
  key.startsWith("FallbackFailed") ? "FallbackFailed" : (key as LimitedReason)

const lineOf = (key: LimitedKey) => limitedLines[reasonOf(key)]

const countOf: RefusalLog.Describe<LimitedKey> = (key, count) => lineOf(key).countOf(count)

/** Most kinds with lines of their own; failures of further ones share a line. */
const maxKinds = 16

/** Makes the function that logs a refusal: the first of a key at once, the others once a minute and at the end. */
const makeLimitedLog = (now: () => number) =>
  Effect.map(
    RefusalLogger.make<LimitedKey>({
      ...{ now, describe: countOf },
      write: ({ reason, text }) => Effect.logWithLevel(lineOf(reason).level)(text)
    }),
    ({ note, reasons }) =>
      (own: LimitedKey, detail: string) =>
        note(reasons.has(own) || reasons.size < maxKinds ? own : reasonOf(own), detail)
  )

/** Makes the functions that log an event and publish it. */
const makeReporter = (
  annotatesLogs: boolean,
  emit: ServerEvents.ServerEvents<TftpServerEvent.Event>["emit"],
  context: Context.Context<never>
) => {
  const runFork = Effect.runForkWith(context)
  /** Logs an event, and publishes it. */
  const report = Effect.fnUntraced(function* (level: LogLevel.Severity, text: string, event: TftpServerEvent.Event) {
    const line = Effect.logWithLevel(level)(text)
    yield* annotatesLogs ? Effect.annotateLogs(line, TftpServerEvent.fields(event)) : line
    emit(() => event)
  })
  /** Publishes an event that has a line in the log only with its values. */
  const publish = (level: LogLevel.Severity, event: () => TftpServerEvent.Event) => {
    if (!annotatesLogs) return emit(event)
    const made = event()
    runFork(report(level, `${TftpServerEvent.describe(made.transfer)}: ${made._tag}`, made))
  }
  return { report, publish }
}

/** Makes the count of running transfers by the address of the client. */
const makeClientCount = (addActive: (by: 1 | -1) => void) => {
  const perClient = new Map<string, number>()
  const countActive = ({ client: { address } }: TransferInfo, by: 1 | -1) => {
    addActive(by)
    const remaining = (perClient.get(address) ?? 0) + by
    if (remaining === 0) perClient.delete(address)
    else perClient.set(address, remaining)
  }
  return { perClient, countActive }
}

const probeDetail = "size probe: the client ended the transfer after the OACK"

const stoppedDetail = "stopped before the end"

const gaveWayDetail =
  "busy: all transfers are in use, and this client has not replied yet; raise the limit of transfers"

type Reports = Omit<ServerTelemetry, "log">

/** Records the transfers in a log, too. */
const recorded = (reports: Reports, log: TransferLog.TransferLog): ServerTelemetry => ({
  ...reports,
  log,
  transferStarted: (info) => {
    log.begin(info)
    reports.transferStarted(info)
  },
  refusedByLimit: (info, reason, peerMessage, detail) => {
    log.end(info, "refused", undefined, detail)
    reports.refusedByLimit(info, reason, peerMessage, detail)
  },
  refusedByFallback: (info, peerMessage, detail, kind) => {
    log.end(info, "refused", undefined, withoutOutcome(detail))
    reports.refusedByFallback(info, peerMessage, detail, kind)
  },
  refused: (info, peerMessage, detail) => {
    log.end(info, "refused", undefined, withoutOutcome(detail))
    return reports.refused(info, peerMessage, detail)
  },
  finished: (info, summary, millis, file) => {
    log.end(info, "done", summary)
    return reports.finished(info, summary, millis, file)
  },
  probed: (info, errorCode, summary) => {
    log.end(info, "stopped", summary, probeDetail)
    return reports.probed(info, errorCode, summary)
  },
  failed: (info, error, summary) => {
    log.end(info, "failed", summary, error.message)
    return reports.failed(info, error, summary)
  },
  stopped: (info, summary) => {
    log.end(info, "stopped", summary, stoppedDetail)
    return reports.stopped(info, summary)
  },
  gaveWay: (info, summary) => {
    log.end(info, "stopped", summary, gaveWayDetail)
    reports.gaveWay(info, summary)
  }
})

/** Returns the reason in a line of the log, which begins with the outcome. */
const withoutOutcome = (detail: string) => detail.replace(/^refused: /, "")

/** Makes the telemetry of one server. */
export const make = (options: Options): Effect.Effect<ServerTelemetry, never, Scope.Scope> =>
  Effect.zipWith(makeReports(options), Clock.currentTimeMillis, (reports, timeMillis) => {
    // A step of the host's clock changes no time of a transfer.
    const epochMillis = timeMillis - options.now()
    return recorded(
      reports,
      TransferLog.make(() => Math.round(epochMillis + options.now()))
    )
  })

/** Makes the counters, the lines of the log and the events of one server. */
const makeReports = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Reports, never, Scope.Scope> {
  const { annotatesLogs, now, service } = options
  const context = yield* Effect.context<never>()
  const { addActive, countDuplicate, countEnded, countMalformed, stats } = TftpMetrics.make(service, context)
  const { emit, events } = yield* ServerEvents.make<TftpServerEvent.Event>()
  const noteLimited = yield* makeLimitedLog(now)
  const { countActive, perClient } = makeClientCount(addActive)
  const { publish, report } = makeReporter(annotatesLogs, emit, context)
  const refuseLimited = (info: TransferInfo, key: LimitedKey, peerMessage: string, detail: string) => {
    stats.refused++
    countEnded(directionOf(info), "refused", undefined)
    noteLimited(key, `${TftpServerEvent.describeRequest(info)}: ${detail}`)
    publish("Info", () => ({ _tag: "Refused", transfer: info, peerMessage }))
  }
  return {
    stats,
    events,
    activeTransfersOf: (address) => perClient.get(address) ?? 0,
    transferStarted: (info) => {
      stats.started++
      countActive(info, 1)
      publish("Info", () => ({ _tag: "Started", transfer: info }))
    },
    transferEnded: (info) => countActive(info, -1),
    progress: (info, transfer) =>
      publish("Debug", () => ({ _tag: "Progress", transfer: info, summary: transfer.summary() })),
    duplicate: (info) => {
      countDuplicate()
      publish("Info", () => ({ _tag: "Duplicate", transfer: info }))
    },
    malformed: (client, detail) => {
      countMalformed()
      const what = detail.replace(/^malformed packet: /, "")
      noteLimited("Malformed", `from ${client.address} port ${client.port}: ${what}`)
    },
    refusedByLimit: refuseLimited,
    refusedByFallback: (info, peer, detail, kind) => refuseLimited(info, `FallbackFailed: ${kind}`, peer, detail),
    refused: (info, peerMessage, detail) => {
      stats.refused++
      countEnded(directionOf(info), "refused", undefined)
      const event: TftpServerEvent.Event = { _tag: "Refused", transfer: info, peerMessage }
      return report("Info", `${TftpServerEvent.describeRequest(info)}: ${detail}`, event)
    },
    finished: (info, summary, millis, file) => {
      stats.finished++
      countEnded(directionOf(info), "finished", summary)
      const result = TftpServerEvent.describeSummary(summary, millis)
      const text = `${TftpServerEvent.describe(info)}: ${result}${TftpServerEvent.describeFile(info, file)}`
      return report("Info", text, { _tag: "Finished", transfer: info, summary, millis, path: file.path })
    },
    probed: (info, errorCode, summary) => {
      stats.probed++
      countEnded(directionOf(info), "probed", summary)
      return report("Info", `${TftpServerEvent.describe(info)}: ${probeDetail} (error ${errorCode})`, {
        _tag: "Probed",
        transfer: info
      })
    },
    failed: (info, error, summary) => {
      stats.failed++
      countEnded(directionOf(info), TftpMetrics.failureResult(error.reason), summary)
      const event: TftpServerEvent.Event = { _tag: "Failed", transfer: info, error, summary }
      return report("Warn", `${TftpServerEvent.describe(info)}: ${error.message}`, event)
    },
    stopped: (info, summary = notBegun) => {
      stats.failed++
      countEnded(directionOf(info), "stopped", summary)
      const event: TftpServerEvent.Event = { _tag: "Stopped", transfer: info, summary }
      return report("Warn", `${TftpServerEvent.describe(info)}: ${stoppedDetail}`, event)
    },
    gaveWay: (info, summary) => {
      stats.gaveWay++
      countEnded(directionOf(info), "gave_way", summary)
      noteLimited("GaveWay", `${TftpServerEvent.describe(info)}: ${gaveWayDetail}`)
      publish("Info", () => ({ _tag: "GaveWay", transfer: info }))
    }
  }
})
