/** Admission control of a server: which requests are refused, which begin, and which give way to others. */
import type * as Endpoint from "../../network/Endpoint.ts"
import * as RequestTable from "./RequestTable.ts"
import * as ServerLimits from "./ServerLimits.ts"

type Table = RequestTable.RequestTable

/** Requests that begin at once within a millisecond; more of them wait for a turn of the event loop each. */
const maxBeginsPerMilli = 2

/** The time that a silent client has for its reply before it gives way to another that has not. */
const minSilenceMillis = 250

const isFull = ({ limits, telemetry, waiting }: Table) => telemetry.stats.active - waiting.size() >= limits.maxTransfers

/** Makes room for one more transfer; returns false if all clients have replied, or had no time for it. */
export const makeRoom = (table: Table): boolean => {
  const latest = table.context.sweeper.now() - minSilenceMillis
  const hadTime = ({ begunAtMillis }: RequestTable.ActiveRequest) => (begunAtMillis ?? 0) <= latest
  while (isFull(table)) if (RequestTable.giveWay(table, hadTime) === undefined) return false
  return true
}

/** Makes room for one more request of a client address; returns false if all have begun, and the client has replied. */
const makeRoomOf = (table: Table, address: string): boolean => {
  const isOfClient = ({ info }: RequestTable.ActiveRequest) => info.client.address === address
  while (table.telemetry.activeTransfersOf(address) >= table.limits.maxTransfersPerClient) {
    if (RequestTable.giveWay(table, isOfClient) !== undefined) continue
    const waiting = table.waiting.find(isOfClient)
    if (waiting === undefined) return false
    RequestTable.drop(table, waiting)
  }
  return true
}

/** Returns the reason to refuse one more request of a client; makes room for it if there is none. */
export const refusalReasonOf = (table: Table, client: Endpoint.Endpoint): ServerLimits.RefusalReason | undefined => {
  if (!ServerLimits.permits(table.limits, client)) return "NotAllowed"
  if (!makeRoomOf(table, client.address)) return "MaxTransfersPerClient"
  return isFull(table) && table.silent.size === 0 ? "MaxTransfers" : undefined
}

/** Takes one of the turns of this millisecond; returns false if none is left, or other requests wait for theirs. */
export const takeTurn = (table: Table): boolean => {
  const now = table.context.sweeper.now()
  if (now - table.turnStartedAtMillis >= 1) {
    table.turnStartedAtMillis = now
    table.beginsLeft = maxBeginsPerMilli
  }
  return table.waiting.size() === 0 && table.beginsLeft-- > 0
}
