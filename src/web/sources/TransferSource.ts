/** The transfers of a TFTP server, for the page. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Endpoint from "../../network/Endpoint.ts"
import * as Monotonic from "../../network/Monotonic.ts"
import * as NameText from "../../tftp/protocol/NameText.ts"
import * as Negotiation from "../../tftp/protocol/Negotiation.ts"
import type * as TftpServer from "../../tftp/TftpServer.ts"
import type * as PageState from "../PageState.ts"
import * as Rates from "./Rates.ts"
import * as Rows from "./Rows.ts"

type Status = TftpServer.TransferStatus

const isRunning = ({ state }: Status) => state === "running"

const bytesOf = ({ summary }: Status) => summary?.bytes ?? 0

/** Rows of transfers that run, so that there is space for those that have ended. */
const maxRunningRows = 150

/**
 * Returns the transfers to show: the running ones in their order, then the latest that have ended. Of too many running
 * ones those that have transferred bytes come first: requests of forged addresses have not.
 */
const choose = (all: ReadonlyArray<Status>): Rows.Rows<Status> => {
  const running = all.filter(isRunning)
  const chosen =
    running.length <= maxRunningRows
      ? running
      : [...running.filter((one) => bytesOf(one) > 0), ...running.filter((one) => bytesOf(one) === 0)]
          .slice(0, maxRunningRows)
          .sort((one, other) => one.transfer.id - other.transfer.id)
  const { omitted, rows } = Rows.cut([...chosen, ...all.filter((one) => !isRunning(one))])
  return { rows, omitted: omitted + running.length - chosen.length }
}

/** Returns the average rate since the start of a transfer, in bytes per second. */
const averageRate = (status: Status, nowMillis: number) =>
  (bytesOf(status) * 1_000) / Math.max(1, (status.endedAtMillis ?? nowMillis) - status.startedAtMillis)

const rowOf = (service: string, status: Status, bytesPerSecond: number): PageState.Transfer => {
  const { endedAtMillis, reason, startedAtMillis, state, summary, totalBytes, transfer } = status
  const { blksize, resent, windowsize } = summary ?? { ...Negotiation.defaults, resent: 0 }
  return {
    ...{ service, id: transfer.id, direction: transfer.kind === "RRQ" ? "download" : "upload" },
    file: Rows.text(NameText.escape(transfer.filename)),
    client: Endpoint.format(transfer.client),
    ...{ state, startedMillis: startedAtMillis },
    ...(endedAtMillis === undefined ? {} : { endedMillis: endedAtMillis }),
    bytes: bytesOf(status),
    ...(totalBytes === undefined ? {} : { totalBytes }),
    bytesPerSecond: Rows.rounded(bytesPerSecond),
    ...{ resent, blksize, windowsize },
    ...(reason === undefined ? {} : { reason: Rows.text(NameText.escape(reason)) })
  }
}

type Counters = TftpServer.Stats

/** Counters that a server adds to at the end of a transfer. */
type Growing = Pick<Counters, "bytesReceived" | "bytesSent" | "resent">

const directions: Readonly<Record<Status["transfer"]["kind"], "bytesReceived" | "bytesSent">> = {
  RRQ: "bytesSent",
  WRQ: "bytesReceived"
}

/** Returns the counters with those of the transfers that run. */
const withRunning = ({ bytesReceived, bytesSent, resent }: Growing, all: ReadonlyArray<Status>): Growing => {
  const total = { bytesReceived, bytesSent, resent }
  for (const one of all) {
    if (!isRunning(one)) continue
    total[directions[one.transfer.kind]] += bytesOf(one)
    total.resent += one.summary?.resent ?? 0
  }
  return total
}

/** Returns a function that keeps counters from falling: a transfer is listed as ended a moment before it is counted. */
const makeHighest = () => {
  let highest: Growing = { bytesReceived: 0, bytesSent: 0, resent: 0 }
  return ({ bytesReceived, bytesSent, resent }: Growing): Growing => {
    highest = {
      bytesReceived: Math.max(highest.bytesReceived, bytesReceived),
      bytesSent: Math.max(highest.bytesSent, bytesSent),
      resent: Math.max(highest.resent, resent)
    }
    return highest
  }
}

/** Makes the counters of a server for the page, whose bytes and packets grow while transfers run and never fall. */
export const makeStats = (server: Pick<TftpServer.Server, "stats" | "transfers">) =>
  Effect.sync(() => {
    const highest = makeHighest()
    return Effect.gen(function* () {
      const stats = yield* server.stats
      return { ...stats, ...highest(withRunning(stats, yield* server.transfers)) }
    })
  })

const sum = (values: Iterable<number>) => [...values].reduce((all, value) => all + value, 0)

/** Returns the totals of a server: those of its counters, and of the transfers that run. */
const totalsOf = (
  { failed, finished, gaveWay, probed, refused }: Counters,
  resent: number,
  running: number,
  bytesPerSecond: number
): PageState.TransferTotals => ({
  ...{ running, done: finished, notDone: failed + gaveWay + probed + refused },
  ...{ bytesPerSecond: Rows.rounded(bytesPerSecond), resent }
})

/** Makes the source of the transfers of a server. It reads the server only when it is read itself. */
export const make = Effect.fnUntraced(function* (
  service: string,
  server: Pick<TftpServer.Server, "stats" | "transfers">
) {
  const monotonic = yield* Monotonic.millis
  const rates = yield* Ref.make(Rates.initial)
  const highest = makeHighest()
  const transfers = Effect.gen(function* () {
    const nowMillis = yield* Clock.currentTimeMillis
    const stats = yield* server.stats
    const all = yield* server.transfers
    const { omitted, rows } = choose(all)
    const running = all.filter(isRunning)
    const counters = running.map((one) => [one.transfer.id, bytesOf(one)] as const)
    const current = yield* Ref.modify(rates, (state) => {
      const [next, perSecond] = Rates.step(state, monotonic(), counters)
      return [perSecond, next]
    })
    const rateOf = (status: Status) => current.get(status.transfer.id) ?? averageRate(status, nowMillis)
    const { resent } = highest(withRunning(stats, all))
    const totals = totalsOf(stats, resent, running.length, sum(running.map(rateOf)))
    return { rows: rows.map((status) => rowOf(service, status, rateOf(status))), omitted, totals }
  })
  return { transfers }
})
