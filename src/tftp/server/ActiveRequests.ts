/** The requests in progress of a server, one for each port of a client: a fiber and the state of `RequestState`. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import { constTrue } from "effect/Function"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import * as Endpoint from "../../network/Endpoint.ts"
import type * as Network from "../../network/Network.ts"
import * as Sweeper from "../../network/Sweeper.ts"
import * as NameText from "../protocol/NameText.ts"
import * as Packet from "../protocol/Packet.ts"
import * as TftpError from "../TftpError.ts"
import * as TftpServerEvent from "../TftpServerEvent.ts"
import * as Transfer from "../transfer/Transfer.ts"
import * as RequestHandler from "./RequestHandler.ts"
import * as RequestState from "./RequestState.ts"
import * as ServerLimits from "./ServerLimits.ts"
import type { ServerTelemetry } from "./ServerTelemetry.ts"

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
  /** Passes a datagram to the transfer with a client; returns false if the client has no request in progress. */
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
  readonly received: RequestHandler.ReceivedRequest
  state: RequestState.State
  /** True if the OACK has the size of the file: a client that then ends the transfer wanted no more. */
  announcesSize: boolean
  fiber: Fiber.Fiber<void> | undefined
}

/** The requests of a server, by the address and port of the client. */
interface Table extends Options {
  limits: ServerLimits.ServerLimits
  readonly requests: Map<string, ActiveRequest>
  /** The requests of silent clients, which give way to others; the oldest first. */
  readonly silent: Set<ActiveRequest>
  /** Requests that have not begun yet, the newest last. Those that have ended meanwhile are skipped. */
  waiting: Array<ActiveRequest>
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

/** Number of requests that have ended in the list of waiting ones, above which they are removed from it. */
const maxEndedRequests = 1_024

const busyPacket = Transfer.errorPacket(
  ServerLimits.refusals.MaxTransfers.code,
  ServerLimits.refusals.MaxTransfers.peerMessage
)
const stoppingPacket = Transfer.errorPacket(Packet.ErrorCode.NotDefined, "The server is stopping")

const reply = ({ listenSocket, peer }: RequestHandler.ReceivedRequest, packet: Uint8Array) =>
  listenSocket.socket.sendUnsafe(packet, peer)

const isSame = (one: Packet.Request, other: Packet.Request) =>
  one._tag === other._tag &&
  one.filename === other.filename &&
  one.mode === other.mode &&
  `${one.options}` === `${other.options}`

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

/** Runs an effect in a span, if a tracer exports it: unread spans would add 50 us to the 900 us of a small transfer. */
const traced =
  (name: string, options: Tracer.SpanOptions) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.flatMap(Tracer.Tracer, (tracer) =>
      tracer === Tracer.nativeTracer ? effect : Effect.withSpan(effect, name, options)
    )

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
  const attempt = RequestHandler.open(table.context, table.limits, active.received, () =>
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
  const annotate = Effect.suspend(() => {
    const { blksize, bytes, windowsize } = transfer.summary()
    return Effect.annotateCurrentSpan({ blksize, bytes, windowsize })
  })
  const summary = yield* transfer.run.pipe(Effect.ensuring(annotate), traced("TftpServer.transfer", {}))
  return { dally, path: opened.path, summary }
})

/** Reports a request that was interrupted. The client of one that gave way before its transfer began gets an ERROR. */
const reportInterrupt = ({ telemetry }: Table, { info, received, state }: ActiveRequest) => {
  const transfer = RequestState.transferOf(state)
  if (state._tag !== "GaveWay") return telemetry.stopped(info, transfer?.summary())
  return Effect.sync(() => {
    if (transfer === undefined) reply(received, busyPacket)
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
  const { dally, path, summary } = yield* runTransfer(table, active).pipe(
    Effect.timeoutOrElse({
      duration: limits.deadlineMillis,
      orElse: () =>
        new TftpError.TftpError({ reason: new TftpError.DeadlineExceeded({ millis: now() - startedAtMillis }) })
    }),
    Effect.onInterrupt(() => reportInterrupt(table, active))
  )
  yield* telemetry.finished(info, summary, now() - startedAtMillis, path)
  send(table, active, { _tag: "Succeeded" })
  yield* Effect.raceFirst(dally, shutdown.await)
}, Effect.scoped)

/** Returns the reason of a failure for the log: a superseded transfer ends as if the client had sent an ERROR. */
const errorOf = ({ _tag }: RequestState.State, error: TftpError.TftpError) =>
  _tag === "Superseded" && error.reason._tag === "Refused"
    ? new TftpError.TftpError({ reason: new TftpError.Superseded() })
    : error

/** Codes of system errors: the process, or the system, cannot open more files. */
const descriptorErrors: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE"])

/** Returns the code and the message for the client whose request could not be opened. */
const refusalOf = ({ reason }: TftpError.TftpError): readonly [code: number, peerMessage: string] => {
  const { code, peerMessage } = ServerLimits.refusals.MaxTransfers
  if (reason._tag !== "File") return [code, peerMessage]
  const { cause } = reason
  const isOutOfDescriptors =
    "cause" in cause.reason && descriptorErrors.has((cause.reason.cause as { readonly code?: unknown } | null)?.code)
  return isOutOfDescriptors ? [code, peerMessage] : [cause.code, cause.peerMessage]
}

/** Returns the reason of a refusal, with the name of the file if it is not that of the request. */
const detailOf = ({ filename }: TftpServerEvent.TransferInfo, { message, reason }: TftpError.TftpError) =>
  reason._tag === "File" && reason.cause.filename === filename ? reason.cause.reason.detail : message

/** Reports a failure. Before the transfer began it is a refusal: the listen socket sends the ERROR. */
const fail = ({ telemetry }: Table, active: ActiveRequest, error: TftpError.TftpError) => {
  const { announcesSize, info, received, state } = active
  const transfer = RequestState.transferOf(state)
  if (transfer === undefined) {
    const [code, peerMessage] = refusalOf(error)
    reply(received, Transfer.errorPacket(code, peerMessage))
    return telemetry.refused(info, peerMessage, `refused: ${detailOf(info, error)}`)
  }
  if (state._tag === "GaveWay") return Effect.sync(() => telemetry.gaveWay(info, transfer.summary()))
  const known = errorOf(state, error)
  const { reason } = known
  return reason._tag === "Refused" && announcesSize && !transfer.handshakeDone()
    ? telemetry.probed(info, reason.code, transfer.summary())
    : telemetry.failed(info, known, transfer.summary())
}

/** Makes room for one more request of a client. Returns the reason to refuse it instead. */
const makeRoom = (table: Table, client: Endpoint.Endpoint): ServerLimits.RefusalReason | undefined => {
  const { limits, telemetry } = table
  if (!ServerLimits.permits(limits, client)) return "NotAllowed"
  const { address } = client
  while (telemetry.activeTransfersOf(address) >= limits.maxTransfersPerClient) {
    const rival = giveWay(table, ({ info }) => info.client.address === address)
    if (rival === undefined) return "MaxTransfersPerClient"
  }
  while (telemetry.stats.active >= limits.maxTransfers) {
    if (giveWay(table, constTrue) === undefined) return "MaxTransfers"
  }
  return undefined
}

const start = (table: Table, received: RequestHandler.ReceivedRequest): void => {
  const { limits, requests, silent, telemetry } = table
  const { peer, request } = received
  const { _tag: kind, filename, mode } = request
  const info: TftpServerEvent.TransferInfo = { id: ++table.lastId, kind, filename, mode, client: peer }
  const reason = makeRoom(table, peer)
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
    fiber: undefined
  }
  requests.set(Endpoint.format(peer), active)
  silent.add(active)
  telemetry.transferStarted(info)
  if (mayBegin(table)) begin(table, active)
  else wait(table, active)
}

/** Runs the fiber of a request. */
const begin = (table: Table, active: ActiveRequest): void => {
  const { info, received } = active
  const { filename, kind, mode } = info
  active.fiber = table.run(
    serve(table, active).pipe(
      Effect.catch((error) => fail(table, active, error)),
      Effect.catchDefect((defect) =>
        Effect.logError(`${TftpServerEvent.describe(info)}: unhandled defect in transfer`, defect)
      ),
      Effect.ensuring(Effect.sync(() => remove(table, active))),
      Effect.annotateLogs("transfer", info.id),
      traced("TftpServer.request", {
        kind: "server",
        root: true,
        attributes: { client: Endpoint.format(received.peer), file: NameText.escape(filename), opcode: kind, mode }
      })
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
  table.run(reportInterrupt(table, active))
  remove(table, active)
}

/** Returns true if one more request may begin at once. */
const mayBegin = (table: Table): boolean => {
  const now = table.context.sweeper.now()
  if (now - table.turnStartedAtMillis >= 1) {
    table.turnStartedAtMillis = now
    table.beginsLeft = maxBeginsPerMilli
  }
  return table.waiting.length === 0 && table.beginsLeft-- > 0
}

/**
 * Lets a request wait for its turn. To begin one takes a millisecond of CPU time, to receive it a hundredth: in a flood
 * most requests give way before they begin, and the newest begins first.
 */
const wait = (table: Table, active: ActiveRequest) => {
  table.waiting.push(active)
  if (table.waiting.length > table.silent.size + maxEndedRequests) {
    table.waiting = table.waiting.filter(({ state }) => state._tag === "Opening")
  }
  if (table.beginsWaiting) return
  table.beginsWaiting = true
  table.run(beginWaiting(table))
}

/** Begins the waiting requests, one in each turn of the event loop. */
const beginWaiting = Effect.fnUntraced(function* (table: Table) {
  while (table.waiting.length > 0) {
    yield* Effect.yieldNow
    const active = table.waiting.pop()
    if (active?.state._tag === "Opening") begin(table, active)
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
    ...{ silent: new Set(), waiting: [], beginsWaiting: false, beginsLeft: 0, turnStartedAtMillis: 0 }
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
      if (shutdown.isOpen()) return reply(received, stoppingPacket)
      const previous = requests.get(Endpoint.format(received.peer))
      if (previous === undefined) return start(table, received)
      const isRepeated = isSame(previous.received.request, received.request)
      send(table, previous, { _tag: "RequestReceived", received, isRepeated })
    },
    receiveDatagram: (peer, bytes) => {
      const active = requests.get(Endpoint.format(peer))
      if (active === undefined) return false
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
