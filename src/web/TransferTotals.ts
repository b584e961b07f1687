/** Totals of the transfers of a process. Those of a server count also the transfers that have no row. Pure. */
import type * as PageState from "./PageState.ts"

type Totals = PageState.TransferTotals

const none: Totals = { running: 0, done: 0, notDone: 0, bytesPerSecond: 0, resent: 0 }

const sum = (one: Totals, other: Totals): Totals => ({
  running: one.running + other.running,
  done: one.done + other.done,
  notDone: one.notDone + other.notDone,
  bytesPerSecond: one.bytesPerSecond + other.bytesPerSecond,
  resent: one.resent + other.resent
})

/** Returns the totals of rows. The rate is that of the running ones. */
export const ofRows = (rows: ReadonlyArray<PageState.Transfer>): Totals => {
  const running = rows.filter(({ state }) => state === "running")
  const done = rows.filter(({ state }) => state === "done").length
  return {
    running: running.length,
    done,
    notDone: rows.length - running.length - done,
    bytesPerSecond: running.reduce((all, { bytesPerSecond }) => all + bytesPerSecond, 0),
    resent: rows.reduce((all, { resent }) => all + resent, 0)
  }
}

/** A list of transfers, with the totals of its server if it counts them. */
export interface Counted {
  readonly rows: ReadonlyArray<PageState.Transfer>
  readonly totals?: Totals | undefined
}

/** Returns the totals of a list: those of its server, or else those of its rows. */
export const of = ({ rows, totals }: Counted): Totals => totals ?? ofRows(rows)

/** Returns the totals of all lists; undefined if none has any, so that their rows are all that is known. */
export const join = (lists: ReadonlyArray<Counted>): Totals | undefined =>
  lists.some(({ totals }) => totals !== undefined) ? lists.map(of).reduce(sum, none) : undefined
