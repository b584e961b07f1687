/** The requests in progress of a server, one for each port of a client: a fiber and the state of `RequestState`. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import * as Endpoint from "../../network/Endpoint.ts"
import type * as Network from "../../network/Network.ts"
import * as Sweeper from "../../network/Sweeper.ts"
import * as TftpError from "../TftpError.ts"
import * as TftpServerEvent from "../TftpServerEvent.ts"
import * as Transfer from "../transfer/Transfer.ts"
import * as RequestHandler from "./RequestHandler.ts"
import * as RequestRefusal from "./RequestRefusal.ts"
import * as RequestSpan from "./RequestSpan.ts"
import * as RequestState from "./RequestState.ts"
import * as ServerLimits from "./ServerLimits.ts"
import type { ServerTelemetry } from "./ServerTelemetry.ts"
import * as WaitingRequests from "./WaitingRequests.ts"

/** The limits and services of a server. */
export interface Options {
  readonly context: RequestHandler.ServerContext
  readonly telemetry: ServerTelemetry
  readonly limits: ServerLimits.ServerLimits
}

/** The requests in progress of a server. */
export interface ActiveRequests {
  /** Starts a request, refuses it, or counts it as a duplicate. */
  readonly receive: (received: RequestHandler.ReceivedRequest) => void
  /** Passes a datagram to the transfer with a client; returns false if none with it uses the port of the server. */
  readonly receiveDatagram: (peer: Endpoint.Endpoint, bytes: Uint8Array) => boolean
  /** Returns true if the limits allow the address of a client. */
  readonly permits: (client: Endpoint.Endpoint) => boolean
  /** Replaces the limits for the requests that follow. */
  readonly setLimits: (limits: ServerLimits.ServerLimits) => void
  /** Refuses new requests, waits for the transfers in progress, and stops the rest at the drain time. */
  readonly drain: Effect.Effect<void>
}

/** A request in progress. */
interface ActiveRequest {
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
  fiber: Fiber.Fiber<void> | undefined
}

/** The requests of a server, by the address and port of the client. */
interface Table extends Options {
  limits: ServerLimits.ServerLimits
  readonly requests: Map<string, ActiveRequest>
  /** The requests of silent clients that have begun, which give way to others; the oldest first. */
  readonly silent: Set<ActiveRequest>
  /** The requests that have not begun yet. They are not among the transfers that `maxTransfers` limits. */
  readonly waiting: WaitingRequests.WaitingRequests<ActiveRequest>
  /** True while a fiber begins the waiting requests. */
  beginsWaiting: boolean
  /** The requests that may begin at once within the millisecond that starts at `turnStartedAtMillis`. */
  beginsLeft: number
  turnStartedAtMillis: number
  /** Open once the server refuses new requests. */
  readonly shutdown: Latch.Latch
  readonly run: (effect: Effect.Effect<void, never, Network.Network>) => Fiber.Fiber<void>
  lastId: number
}

/** The time between progress events of one transfer. */
const progressIntervalMillis = 250

/** The silence of a client after which its upload gives way to another one of the same name. */
const maxSilenceOfUploadMillis = 1_000

/** Requests that begin at once within a millisecond; more of them wait for a turn of the event loop each. */
const maxBeginsPerMilli = 2

/**
 * Silent clients at which a new request uses the port of the server, in its thread, and gets none of its own. A flood
 * of forged requests then takes less memory.
 */
const maxSilentWithPort = 128

/** Requests that wait for their turn, above which the oldest is dropped: they take 2 KB each. */
const maxWaitingRequests = 4_096

/** The time that a silent client has for its reply before it gives way to another that has not. */
const minSilenceMillis = 250

/** The pause before a waiting request looks for room again. */
const noRoomPauseMillis = 10
const reply = ({ listenSocket, peer }: RequestHandler.ReceivedRequest, packet: Uint8Array) =>
  listenSocket.socket.sendUnsafe(packet, peer)

const send = (table: Table, active: ActiveRequest, event: RequestState.Event) => {
  const [state, actions] = RequestState.transition(active.state, event)
  active.state = state
  if (!RequestState.givesWay(state)) table.silent.delete(active)
  for (const action of actions) perform(table, active, action)
}

const perform = (table: Table, active: ActiveRequest, action: RequestState.Action) => {
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
      return start(table, action.received)
  }
}

/** Lets the oldest silent client that matches give way to another. Returns its request; undefined if there is none. */
const giveWay = (table: Table, matches: (active: ActiveRequest) => boolean): ActiveRequest | undefined => {
  for (const active of table.silent) {
    if (!matches(active)) continue
    // Lock-step until the client replies: the packets that it has got are the first one and those sent again.
    const packets = 1 + (RequestState.transferOf(active.state)?.summary().resent ?? 0)
    send(table, active, { _tag: "GiveWay", mayReply: packets < table.limits.maxUnvalidatedPackets })
    return active
  }
  return undefined
}

const isBusy = ({ reason }: TftpError.TftpError) => reason._tag === "File" && reason.cause.reason._tag === "Busy"

/** Opens a request. An upload takes the place of one of the same name whose client has been silent for some time. */
const open = (table: Table, active: ActiveRequest) => {
  const attempt = RequestHandler.open(table.context, table.limits, active.received, active.sharesPort, () =>
    send(table, active, { _tag: "Validated" })
  )
  const isSilentRival = ({ info: { filename, kind }, startedAtMillis }: ActiveRequest) =>
    kind === "WRQ" &&
    filename === active.info.filename &&
    active.startedAtMillis - startedAtMillis >= maxSilenceOfUploadMillis
  return Effect.catchIf(attempt, isBusy, (error) => {
    const rival = giveWay(table, isSilentRival)
    return rival?.fiber === undefined ? Effect.fail(error) : Effect.andThen(Fiber.await(rival.fiber), attempt)
  })
}

/** Opens a request and runs its transfer. */
const runTransfer = Effect.fnUntraced(function* (table: Table, active: ActiveRequest) {
  const opened = yield* open(table, active)
  const { dally, transfer } = opened
  active.announcesSize = opened.announcesSize
  send(table, active, { _tag: "Opened", transfer })
  const summary = yield* RequestSpan.transfer(transfer)
  return { dally, file: opened.file, summary }
})

/**
 * Reports a request that was interrupted. The client of one that gave way while its file was opened gets an ERROR; one
 * whose turn had not come gets none, as if its request was lost, and sends it again if it exists.
 */
const reportInterrupt = ({ telemetry }: Table, { begunAtMillis, info, received, state }: ActiveRequest) => {
  const transfer = RequestState.transferOf(state)
  if (state._tag !== "GaveWay") return telemetry.stopped(info, transfer?.summary())
  return Effect.sync(() => {
    if (transfer === undefined && begunAtMillis !== undefined) reply(received, RequestRefusal.busyPacket)
    telemetry.gaveWay(info, transfer?.summary())
  })
}

/** Serves a request until its outcome is counted and the client needs no further ACK. */
const serve = Effect.fnUntraced(function* (table: Table, active: ActiveRequest) {
  const { context, limits, shutdown, telemetry } = table
  const { info, startedAtMillis } = active
  const { now } = context.sweeper
  yield* Sweeper.every(context.sweeper, progressIntervalMillis, () => {
    if (active.state._tag === "Transferring") telemetry.progress(info, active.state.transfer)
  })
  const { dally, file, summary } = yield* runTransfer(table, active).pipe(
    Effect.timeoutOrElse({
      duration: limits.deadlineMillis,
      orElse: () =>
        new TftpError.TftpError({ reason: new TftpError.DeadlineExceeded({ millis: now() - startedAtMillis }) })
    }),
    Effect.onInterrupt(() => reportInterrupt(table, active))
  )
  yield* telemetry.finished(info, summary, now() - startedAtMillis, file)
  send(table, active, { _tag: "Succeeded" })
  yield* Effect.raceFirst(dally, shutdown.await)
}, Effect.scoped)

/** Reports a failure. Before the transfer began it is a refusal: the listen socket sends the ERROR. */
const fail = ({ telemetry }: Table, active: ActiveRequest, error: TftpError.TftpError) => {
  const { announcesSize, info, received, state } = active
  const transfer = RequestState.transferOf(state)
  if (transfer === undefined) {
    const [code, peerMessage] = RequestRefusal.packetOf(error)
    reply(received, Transfer.errorPacket(code, peerMessage))
    const detail = `refused: ${RequestRefusal.detailOf(info, error)}`
    return RequestRefusal.isOfFallback(error)
      ? Effect.sync(() => telemetry.refusedByFallback(info, peerMessage, detail))
      : telemetry.refused(info, peerMessage, detail)
  }
  if (state._tag === "GaveWay") return Effect.sync(() => telemetry.gaveWay(info, transfer.summary()))
  const known = RequestRefusal.errorOf(state, error)
  const { reason } = known
  return reason._tag === "Refused" && announcesSize && !transfer.handshakeDone()
    ? telemetry.probed(info, reason.code, transfer.summary())
    : telemetry.failed(info, known, transfer.summary())
}

const isFull = ({ limits, telemetry, waiting }: Table) => telemetry.stats.active - waiting.size() >= limits.maxTransfers

/** Makes room for one more transfer; returns false if all clients have replied, or had no time for it. */
const makeRoom = (table: Table): boolean => {
  const latest = table.context.sweeper.now() - minSilenceMillis
  const hadTime = ({ begunAtMillis }: ActiveRequest) => (begunAtMillis ?? 0) <= latest
  while (isFull(table)) if (giveWay(table, hadTime) === undefined) return false
  return true
}

/** Makes room for one more request of a client address; returns false if all have begun, and the client has replied. */
const makeRoomOf = (table: Table, address: string): boolean => {
  const isOfClient = ({ info }: ActiveRequest) => info.client.address === address
  while (table.telemetry.activeTransfersOf(address) >= table.limits.maxTransfersPerClient) {
    if (giveWay(table, isOfClient) !== undefined) continue
    const waiting = table.waiting.find(isOfClient)
    if (waiting === undefined) return false
    drop(table, waiting)
  }
  return true
}

/** Returns the reason to refuse one more request of a client; makes room for it if there is none. */
const refusalReasonOf = (table: Table, client: Endpoint.Endpoint): ServerLimits.RefusalReason | undefined => {
  if (!ServerLimits.permits(table.limits, client)) return "NotAllowed"
  if (!makeRoomOf(table, client.address)) return "MaxTransfersPerClient"
  return isFull(table) && table.silent.size === 0 ? "MaxTransfers" : undefined
}

const start = (table: Table, received: RequestHandler.ReceivedRequest): void => {
  const { limits, requests, telemetry } = table
  const { peer, request } = received
  const { _tag: kind, filename, mode } = request
  const info: TftpServerEvent.TransferInfo = { id: ++table.lastId, kind, filename, mode, client: peer }
  const reason = refusalReasonOf(table, peer)
  if (reason !== undefined) {
    const { code, detail, peerMessage } = ServerLimits.refusals[reason]
    reply(received, Transfer.errorPacket(code, peerMessage))
    telemetry.refusedByLimit(info, reason, peerMessage, detail(limits))
    return
  }
  const active: ActiveRequest = {
    info,
    startedAtMillis: table.context.sweeper.now(),
    received,
    state: RequestState.initial,
    announcesSize: false,
    sharesPort: table.context.singlePort,
    begunAtMillis: undefined,
    fiber: undefined
  }
  requests.set(Endpoint.format(peer), active)
  const begins = mayBegin(table) && makeRoom(table)
  telemetry.transferStarted(info)
  if (begins) begin(table, active)
  else wait(table, active)
}

/** Runs the fiber of a request. */
const begin = (table: Table, active: ActiveRequest): void => {
  const { info, received } = active
  if (table.silent.size >= maxSilentWithPort) active.sharesPort = true
  table.silent.add(active)
  active.begunAtMillis = table.context.sweeper.now()
  active.fiber = table.run(
    serve(table, active).pipe(
      Effect.catch((error) => fail(table, active, error)),
      Effect.catchDefect((defect) => {
        if (RequestState.transferOf(active.state) === undefined) reply(received, Transfer.stoppedPacket)
        return Effect.logError(`${TftpServerEvent.describe(info)}: unhandled defect in transfer`, defect)
      }),
      Effect.ensuring(Effect.sync(() => remove(table, active))),
      Effect.annotateLogs("transfer", info.id),
      RequestSpan.request(info)
    )
  )
}

const remove = (table: Table, active: ActiveRequest) => {
  const key = Endpoint.format(active.received.peer)
  send(table, active, { _tag: "Ended" })
  if (table.requests.get(key) === active) table.requests.delete(key)
}

/** Ends a request that has not begun. */
const endWaiting = (table: Table, active: ActiveRequest) => {
  table.waiting.remove(active)
  table.run(reportInterrupt(table, active))
  remove(table, active)
}

/** Drops a request that has not begun. */
const drop = (table: Table, active: ActiveRequest) => send(table, active, { _tag: "GiveWay", mayReply: false })

/** Returns true if one more request may begin at once. */
const mayBegin = (table: Table): boolean => {
  const now = table.context.sweeper.now()
  if (now - table.turnStartedAtMillis >= 1) {
    table.turnStartedAtMillis = now
    table.beginsLeft = maxBeginsPerMilli
  }
  return table.waiting.size() === 0 && table.beginsLeft-- > 0
}

/**
 * Lets a request wait for its turn, and drops the oldest if too many wait. To begin one takes a millisecond of CPU
 * time, to receive it a hundredth: after a flood the newest begins first, and no client has to send its request again.
 */
const wait = (table: Table, active: ActiveRequest) => {
  const { waiting } = table
  waiting.add(active)
  if (waiting.size() > maxWaitingRequests) drop(table, waiting.oldest()!)
  if (table.beginsWaiting) return
  table.beginsWaiting = true
  table.run(beginWaiting(table))
}

/**
 * Begins the waiting requests, one in each turn of the event loop. Without room they wait for silent clients to
 * give way; they are dropped if all clients have replied.
 */
const beginWaiting = Effect.fnUntraced(function* (table: Table) {
  const { silent, waiting } = table
  for (;;) {
    yield* Effect.yieldNow
    const active = waiting.newest()
    if (active === undefined) break
    if (makeRoom(table)) {
      waiting.remove(active)
      begin(table, active)
    } else if (silent.size === 0) drop(table, active)
    else yield* Effect.sleep(noRoomPauseMillis)
  }
  table.beginsWaiting = false
})

/** Makes the requests of a server. They are interrupted when the scope closes. */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<ActiveRequests, never, Network.Network | Scope.Scope> {
  const fibers = yield* FiberSet.make<void>()
  const requests: Table["requests"] = new Map()
  const shutdown = Latch.makeUnsafe(false)
  const run = yield* FiberSet.runtime(fibers)<Network.Network>()
  const table: Table = {
    ...options,
    ...{ requests, shutdown, run, lastId: 0 },
    ...{ silent: new Set<ActiveRequest>(), waiting: WaitingRequests.make<ActiveRequest>(), beginsWaiting: false },
    ...{ beginsLeft: 0, turnStartedAtMillis: 0 }
  }
  const drain = yield* Effect.cached(
    Effect.suspend(() => {
      shutdown.openUnsafe()
      return FiberSet.awaitEmpty(fibers).pipe(
        Effect.interruptible,
        Effect.timeoutOption(table.limits.drainMillis),
        Effect.andThen(FiberSet.clear(fibers))
      )
    })
  )
  return {
    receive: (received) => {
      if (shutdown.isOpen()) return reply(received, RequestRefusal.stoppingPacket)
      const previous = requests.get(Endpoint.format(received.peer))
      if (previous === undefined) return start(table, received)
      const isRepeated = RequestState.isSame(previous.received.request, received.request)
      send(table, previous, { _tag: "RequestReceived", received, isRepeated })
      // A client that sends its request again exists: it is the next one.
      if (table.waiting.has(previous)) table.waiting.add(previous)
    },
    receiveDatagram: (peer, bytes) => {
      const active = requests.get(Endpoint.format(peer))
      if (active === undefined || !active.sharesPort) return false
      if (table.silent.has(active)) send(table, active, { _tag: "Validated" })
      RequestState.transferOf(active.state)?.receive(bytes)
      return true
    },
    permits: (client) => ServerLimits.permits(table.limits, client),
    setLimits: (limits) => {
      table.limits = limits
    },
    drain
  }
})
