/** The requests in progress of a server, one for each port of a client, and the driver of their `RequestState`. */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Latch from "effect/Latch"
import * as Endpoint from "../../network/Endpoint.ts"
import type * as Network from "../../network/Network.ts"
import type * as TftpServerEvent from "../TftpServerEvent.ts"
import type * as RequestHandler from "./RequestHandler.ts"
import * as RequestRefusal from "./RequestRefusal.ts"
import * as RequestState from "./RequestState.ts"
import type * as ServerLimits from "./ServerLimits.ts"
import type { ServerTelemetry } from "./ServerTelemetry.ts"
import type * as WaitingRequests from "./WaitingRequests.ts"

/** A request in progress. */
export interface ActiveRequest {
  readonly info: TftpServerEvent.TransferInfo
  readonly startedAtMillis: number
  /** The time at which it began; undefined while it waits for its turn. */
  begunAtMillis: number | undefined
  readonly received: RequestHandler.ReceivedRequest
  state: RequestState.State
  /** True if the OACK has the size of the file: a client that then ends the transfer wanted no more. */
  announcesSize: boolean
  /** True if its transfer uses the port of the server. */
  sharesPort: boolean
  /** True if the deadline has passed, and its fiber was interrupted for this reason. */
  isOverdue: boolean
  /** The fiber of an earlier request of this client, which has ended or is ending: it may still hold the file. */
  superseded: Fiber.Fiber<void> | undefined
  fiber: Fiber.Fiber<void> | undefined
}

/** The requests of a server, and the services that they share. */
export interface RequestTable {
  readonly context: RequestHandler.ServerContext
  readonly telemetry: ServerTelemetry
  limits: ServerLimits.ServerLimits
  /** By the address and port of the client. */
  readonly requests: Map<string, ActiveRequest>
  /** The requests of silent clients that have begun, which give way to others; the oldest first. */
  readonly silent: Set<ActiveRequest>
  /** The uploads that dally, which end when another request needs their descriptors; the oldest first. */
  readonly dallying: Set<ActiveRequest>
  /** The requests that have not begun yet. They are not among the transfers that `maxTransfers` limits. */
  readonly waiting: WaitingRequests.WaitingRequests<ActiveRequest>
  /** True while a fiber begins the waiting requests. */
  beginsWaiting: boolean
  /** The requests that may begin at once within the millisecond that starts at `turnStartedAtMillis`. */
  beginsLeft: number
  turnStartedAtMillis: number
  /** Open once the server refuses new requests. */
  readonly shutdown: Latch.Latch
  /** Runs an effect in a fiber that ends before the server. */
  readonly run: (effect: Effect.Effect<void, never, Network.Network>) => Fiber.Fiber<void>
  /** Starts a request, or refuses it. `superseded` is the fiber of another request of the same client, which ends. */
  readonly start: (received: RequestHandler.ReceivedRequest, superseded: Fiber.Fiber<void> | undefined) => void
  lastId: number
}

/** Sends a packet to the client of a request, from the port of the server. */
export const reply = ({ listenSocket, peer }: RequestHandler.ReceivedRequest, packet: Uint8Array) =>
  listenSocket.socket.sendUnsafe(packet, peer)

/** Applies an event to the state of a request, and performs the actions. */
export const send = (table: RequestTable, active: ActiveRequest, event: RequestState.Event) => {
  const [state, actions] = RequestState.transition(active.state, event)
  active.state = state
  if (!RequestState.givesWay(state)) table.silent.delete(active)
  if (state._tag === "Dallying") table.dallying.add(active)
  else table.dallying.delete(active)
  for (const action of actions) perform(table, active, action)
}

const perform = (table: RequestTable, active: ActiveRequest, action: RequestState.Action) => {
  switch (action._tag) {
    case "CountEnded":
      return table.telemetry.transferEnded(active.info)
    case "CountDuplicate":
      return table.telemetry.duplicate(active.info)
    case "Interrupt":
      return active.fiber === undefined ? endWaiting(table, active) : active.fiber.interruptUnsafe()
    case "Receive":
      return action.transfer.receive(action.bytes)
    case "Start":
      return table.start(action.received, active.fiber ?? active.superseded)
  }
}

/** Ends the dally of the oldest uploads; returns their fibers. */
export const endDallying = ({ dallying }: RequestTable, count: number): ReadonlyArray<Fiber.Fiber<void>> =>
  Array.from(dallying)
    .slice(0, count)
    .flatMap((active) => {
      dallying.delete(active)
      if (active.fiber === undefined) return []
      active.fiber.interruptUnsafe()
      return [active.fiber]
    })

/** Ends a request, and removes it unless its client has begun another one. */
export const remove = (table: RequestTable, active: ActiveRequest) => {
  const key = Endpoint.format(active.received.peer)
  send(table, active, { _tag: "Ended" })
  if (table.requests.get(key) === active) table.requests.delete(key)
}

/** Ends a request that has not begun. */
const endWaiting = (table: RequestTable, active: ActiveRequest) => {
  table.waiting.remove(active)
  table.run(reportInterrupt(table, active))
  remove(table, active)
}

/** Drops a request that has not begun, as if it was lost: its client sends it again, if it exists. */
export const drop = (table: RequestTable, active: ActiveRequest) =>
  send(table, active, { _tag: "GiveWay", mayReply: false })

/** Refuses the requests that have not begun, because the server stops. */
export const refuseWaiting = (table: RequestTable) => {
  for (let active = table.waiting.newest(); active !== undefined; active = table.waiting.newest()) {
    reply(active.received, RequestRefusal.stoppingPacket)
    endWaiting(table, active)
  }
}

/**
 * Reports a request that was interrupted. The client of one that gave way while its file was opened gets an ERROR; one
 * whose turn had not come gets none.
 */
export const reportInterrupt = (
  { telemetry }: RequestTable,
  { begunAtMillis, info, received, state }: ActiveRequest
): Effect.Effect<void> => {
  const transfer = RequestState.transferOf(state)
  if (state._tag !== "GaveWay") return telemetry.stopped(info, transfer?.summary())
  return Effect.sync(() => {
    if (transfer === undefined && begunAtMillis !== undefined) reply(received, RequestRefusal.busyPacket)
    telemetry.gaveWay(info, transfer?.summary())
  })
}

/** Lets the oldest silent client that matches give way to another. Returns its request; undefined if there is none. */
export const giveWay = (
  table: RequestTable,
  matches: (active: ActiveRequest) => boolean
): ActiveRequest | undefined => {
  for (const active of table.silent) {
    if (!matches(active)) continue
    // Lock-step until the client replies: the packets that it has got are the first one and those sent again.
    const packets = 1 + (RequestState.transferOf(active.state)?.summary().resent ?? 0)
    send(table, active, { _tag: "GiveWay", mayReply: packets < table.limits.maxUnvalidatedPackets })
    return active
  }
  return undefined
}
