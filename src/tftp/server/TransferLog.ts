/**
 * The transfers of a server for its observers: those that run, and the latest that have ended.
 *
 * Transfers that ended before any byte of the file have a list of their own: a flood of forged requests removes no
 * other transfer.
 */
import type { TransferInfo } from "../TftpServerEvent.ts"
import type * as Transfer from "../transfer/Transfer.ts"

/** State of a transfer. `stopped`: by the server, or by a client that wanted the size of the file only. */
type TransferState = "running" | "done" | "refused" | "failed" | "stopped"

/** A transfer that runs, or one of the latest that have ended. */
export interface TransferStatus {
  readonly transfer: TransferInfo
  readonly state: TransferState
  /** Time of the request, in milliseconds since 1970. */
  readonly startedAtMillis: number
  /** Undefined while it runs. */
  readonly endedAtMillis: number | undefined
  /** Size of the file in bytes; undefined if it is not known, and in netascii. */
  readonly totalBytes: number | undefined
  /** The result so far; undefined before the options are negotiated, and for a request that was refused. */
  readonly summary: Transfer.Summary | undefined
  /** Why it was refused, failed or stopped. It may quote the client: print it with `NameText.escape`. */
  readonly reason: string | undefined
}

/** A transfer that runs, with its result so far. */
export type RunningTransfer = Pick<TransferStatus, "transfer" | "summary">

/** The times and sizes of transfers, and the latest that have ended. */
export interface TransferLog {
  readonly begin: (transfer: TransferInfo) => void
  /** Sets the size of the file, once it is open. */
  readonly setSize: (transfer: TransferInfo, totalBytes: number | undefined) => void
  readonly end: (
    transfer: TransferInfo,
    state: Exclude<TransferState, "running">,
    summary: Transfer.Summary | undefined,
    reason?: string
  ) => void
  /** Returns the running transfers in this order, and then those that have ended, the latest first. */
  readonly list: (running: ReadonlyArray<RunningTransfer>) => ReadonlyArray<TransferStatus>
}

/** The facts of a transfer that its events do not carry. */
interface Facts {
  readonly startedAtMillis: number
  totalBytes: number | undefined
  hasEnded: boolean
}

const maxEndedTransfers = 64
const maxEmptyTransfers = 16

const hasTransferred = ({ state, summary }: TransferStatus) => state === "done" || (summary?.bytes ?? 0) > 0

/** Appends to a list, and removes the oldest if there are too many. */
const append = <A>(list: Array<A>, item: A, maxItems: number) => {
  list.push(item)
  if (list.length > maxItems) list.shift()
}

/** Makes the log of one server. `now` returns the time in milliseconds since 1970. */
export const make = (now: () => number): TransferLog => {
  // Weak keys: a transfer whose end is never reported is not kept.
  const known = new WeakMap<TransferInfo, Facts>()
  const ended: Array<TransferStatus> = []
  const endedEmpty: Array<TransferStatus> = []
  const factsOf = (transfer: TransferInfo): Facts =>
    known.get(transfer) ?? { startedAtMillis: now(), totalBytes: undefined, hasEnded: false }
  return {
    begin: (transfer) => void known.set(transfer, factsOf(transfer)),
    setSize: (transfer, totalBytes) => {
      const facts = known.get(transfer)
      if (facts !== undefined) facts.totalBytes = totalBytes
    },
    end: (transfer, state, summary, reason) => {
      const facts = factsOf(transfer)
      facts.hasEnded = true
      const { startedAtMillis, totalBytes } = facts
      const times = { startedAtMillis, endedAtMillis: now() }
      const status: TransferStatus = { transfer, state, ...times, totalBytes, summary, reason }
      if (hasTransferred(status)) append(ended, status, maxEndedTransfers)
      else append(endedEmpty, status, maxEmptyTransfers)
    },
    list: (running) => {
      const live = running.flatMap(({ summary, transfer }): ReadonlyArray<TransferStatus> => {
        const { hasEnded, startedAtMillis, totalBytes } = factsOf(transfer)
        // Its end is recorded before the request has left the table.
        if (hasEnded) return []
        const times = { startedAtMillis, endedAtMillis: undefined }
        return [{ transfer, state: "running", ...times, totalBytes, summary, reason: undefined }]
      })
      const latest = [...ended, ...endedEmpty]
        .reverse()
        .sort((one, other) => (other.endedAtMillis ?? 0) - (one.endedAtMillis ?? 0))
      return [...live, ...latest]
    }
  }
}
