/** The requests in progress of a server, one for each port of a client: a fiber and the state of `RequestState`. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Latch from "effect/Latch"
import * as Scope from "effect/Scope"
import * as Endpoint from "../../network/Endpoint.ts"
import type * as Network from "../../network/Network.ts"
import * as TftpError from "../TftpError.ts"
import * as TftpServerEvent from "../TftpServerEvent.ts"
import * as Transfer from "../transfer/Transfer.ts"
import * as Admission from "./Admission.ts"
import * as RequestHandler from "./RequestHandler.ts"
import * as RequestRefusal from "./RequestRefusal.ts"
import * as RequestSpan from "./RequestSpan.ts"
import * as RequestState from "./RequestState.ts"
import * as RequestTable from "./RequestTable.ts"
import * as ServerLimits from "./ServerLimits.ts"
import type { ServerTelemetry } from "./ServerTelemetry.ts"
import type * as TransferLog from "./TransferLog.ts"
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
  /** Returns the transfers in progress, in the order of their requests. */
  readonly running: () => ReadonlyArray<TransferLog.RunningTransfer>
  /** Refuses new requests and those that wait, waits for the transfers, and stops the rest at the drain time. */
  readonly drain: Effect.Effect<void>
}

type Table = RequestTable.RequestTable
type ActiveRequest = RequestTable.ActiveRequest

/** The time between progress events of one transfer. */
const progressIntervalMillis = 250

/** The silence of a client after which its upload gives way to another one of the same name. */
const maxSilenceOfUploadMillis = 1_000

/**
 * Silent clients at which a new request uses the port of the server, in its thread, and gets none of its own. A flood
 * of forged requests then takes less memory.
 */
const maxSilentWithPort = 128

/** Requests that wait for their turn, above which the oldest is dropped: they take 2 KB each. */
const maxWaitingRequests = 4_096

/** Descriptors that a transfer may need: two sockets, and the file. */
const transferDescriptors = 3

/** The pause before a waiting request looks for room again. */
const noRoomPauseMillis = 10

const isBusy = ({ reason }: TftpError.TftpError) => reason._tag === "File" && reason.cause.reason._tag === "Busy"

/** Returns the fibers that hold what a request could not get, and that end now: the file name, or descriptors. */
const holdersOf = (
  table: Table,
  active: ActiveRequest,
  error: TftpError.TftpError
): ReadonlyArray<Fiber.Fiber<void>> => {
  if (RequestRefusal.isOutOfDescriptors(error)) return RequestTable.endDallying(table, transferDescriptors)
  if (!isBusy(error)) return []
  const { superseded } = active
  if (superseded !== undefined && superseded.pollUnsafe() === undefined) return [superseded]
  const latest = table.context.sweeper.now() - maxSilenceOfUploadMillis
  const isSilentRival = ({ begunAtMillis, info: { filename, kind } }: ActiveRequest) =>
    kind === "WRQ" && filename === active.info.filename && (begunAtMillis ?? Number.POSITIVE_INFINITY) <= latest
  const rival = RequestTable.giveWay(table, isSilentRival)
  return rival?.fiber === undefined ? [] : [rival.fiber]
}

/**
 * Opens a request, and tries again when others have released what it needs. An upload gets its name from the request
 * that its client has superseded, or from a client that has been silent for some time; descriptors are those of uploads
 * that dally.
 */
const open = Effect.fnUntraced(function* (table: Table, active: ActiveRequest) {
  const { context, limits } = table
  const attempt = Effect.fnUntraced(function* (scope: Scope.Closeable) {
    const opened = RequestHandler.open(context, limits, active.received, active.sharesPort, () =>
      RequestTable.send(table, active, { _tag: "Validated" })
    )
    // What a failed attempt has opened must not stay open, nor a name locked.
    return yield* Effect.onExit(Scope.provide(opened, scope), (exit) =>
      Exit.isFailure(exit) ? Scope.close(scope, exit) : Effect.void
    )
  })
  const scope = yield* Effect.scope
  return yield* Effect.catch(attempt(yield* Scope.fork(scope)), (error) => {
    const holders = holdersOf(table, active, error)
    if (holders.length === 0) return Effect.fail(error)
    return Effect.andThen(Fiber.awaitAll(holders), Effect.flatMap(Scope.fork(scope), attempt))
  })
})

/** Opens a request and runs its transfer. */
const runTransfer = Effect.fnUntraced(function* (table: Table, active: ActiveRequest) {
  const opened = yield* open(table, active)
  const { dally, transfer } = opened
  active.announcesSize = opened.announcesSize
  table.telemetry.log.setSize(active.info, opened.totalBytes)
  active.superseded = undefined
  RequestTable.send(table, active, { _tag: "Opened", transfer })
  const summary = yield* RequestSpan.transfer(transfer)
  return { dally, file: opened.file, summary }
})

/**
 * Reports a failure. Before the transfer began it is a refusal: the listen socket sends the ERROR, unless the client
 * waits for the reply to another request.
 */
const fail = ({ telemetry }: Table, active: ActiveRequest, error: TftpError.TftpError) => {
  const { announcesSize, info, received, state } = active
  const transfer = RequestState.transferOf(state)
  if (transfer === undefined) {
    const [code, peerMessage] = RequestRefusal.packetOf(error)
    if (state._tag !== "Superseded") RequestTable.reply(received, Transfer.errorPacket(code, peerMessage))
    const detail = `refused: ${RequestRefusal.detailOf(info, error)}`
    const kind = RequestRefusal.fallbackFailureOf(error)
    return kind === undefined
      ? telemetry.refused(info, peerMessage, detail)
      : Effect.sync(() => telemetry.refusedByFallback(info, peerMessage, detail, kind))
  }
  if (state._tag === "GaveWay") return Effect.sync(() => telemetry.gaveWay(info, transfer.summary()))
  const known = RequestRefusal.errorOf(state, error)
  const { reason } = known
  return reason._tag === "Refused" && announcesSize && !transfer.handshakeDone()
    ? telemetry.probed(info, reason.code, transfer.summary())
    : telemetry.failed(info, known, transfer.summary())
}

/**
 * Publishes the progress of a transfer, and interrupts it at the deadline. A check of the sweeper does both: the two
 * fibers of `Effect.timeout` take as much memory as the rest of a request whose client is silent.
 */
const watch = (table: Table, active: ActiveRequest): Effect.Effect<void, never, Scope.Scope> => {
  const { context, limits, telemetry } = table
  let reportedAtMillis = active.startedAtMillis
  const check = (now: number) => {
    const isOver = now - active.startedAtMillis >= limits.deadlineMillis
    if (isOver && !active.isOverdue && RequestState.isInProgress(active.state)) {
      active.isOverdue = true
      return active.fiber?.interruptUnsafe()
    }
    if (now - reportedAtMillis < progressIntervalMillis) return
    reportedAtMillis = now
    if (active.state._tag === "Transferring") telemetry.progress(active.info, active.state.transfer)
  }
  return Effect.asVoid(
    Effect.acquireRelease(
      Effect.sync(() => context.sweeper.add(check)),
      (stop) => Effect.sync(stop)
    )
  )
}

/** Reports a transfer that was interrupted: by its deadline, or for another reason. */
const reportInterrupt = (table: Table, active: ActiveRequest): Effect.Effect<void> => {
  if (!active.isOverdue) return RequestTable.reportInterrupt(table, active)
  const millis = table.context.sweeper.now() - active.startedAtMillis
  return fail(table, active, new TftpError.TftpError({ reason: new TftpError.DeadlineExceeded({ millis }) }))
}

/** Serves a request until its outcome is counted and the client needs no further ACK. */
const serve = Effect.fnUntraced(function* (table: Table, active: ActiveRequest) {
  const { context, shutdown, telemetry } = table
  const { info, startedAtMillis } = active
  yield* watch(table, active)
  const { dally, file, summary } = yield* Effect.onInterrupt(runTransfer(table, active), () =>
    reportInterrupt(table, active)
  )
  yield* telemetry.finished(info, summary, context.sweeper.now() - startedAtMillis, file)
  RequestTable.send(table, active, { _tag: "Succeeded" })
  yield* Effect.raceFirst(dally, shutdown.await)
}, Effect.scoped)

/** Reports a defect of the server or of the store, and counts the request unless it has succeeded before. */
const reportDefect = (table: Table, active: ActiveRequest, defect: unknown) => {
  const { info, received, state } = active
  if (state._tag === "Opening") RequestTable.reply(received, Transfer.stoppedPacket)
  const log = Effect.logError(`${TftpServerEvent.describe(info)}: unhandled defect in transfer`, defect)
  return state._tag === "Dallying" ? log : Effect.andThen(log, RequestTable.reportInterrupt(table, active))
}

/** Starts a request, or refuses it. `superseded` is the fiber of another request of the same client, which ends. */
const start = (
  table: Table,
  received: RequestHandler.ReceivedRequest,
  superseded: Fiber.Fiber<void> | undefined
): void => {
  const { limits, requests, telemetry } = table
  const { peer, request } = received
  const { _tag: kind, filename, mode } = request
  const info: TftpServerEvent.TransferInfo = { id: ++table.lastId, kind, filename, mode, client: peer }
  const reason = Admission.refusalReasonOf(table, peer)
  if (reason !== undefined) {
    const { code, detail, peerMessage } = ServerLimits.refusals[reason]
    RequestTable.reply(received, Transfer.errorPacket(code, peerMessage))
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
    isOverdue: false,
    superseded,
    fiber: undefined
  }
  requests.set(Endpoint.format(peer), active)
  const begins = Admission.takeTurn(table) && Admission.makeRoom(table)
  telemetry.transferStarted(info)
  if (begins) begin(table, active)
  else wait(table, active)
}

/** Runs the fiber of a request. */
const begin = (table: Table, active: ActiveRequest): void => {
  const { info } = active
  if (table.silent.size >= maxSilentWithPort) active.sharesPort = true
  table.silent.add(active)
  active.begunAtMillis = table.context.sweeper.now()
  active.fiber = table.run(
    serve(table, active).pipe(
      Effect.catch((error) => fail(table, active, error)),
      Effect.catchDefect((defect) => reportDefect(table, active, defect)),
      Effect.ensuring(Effect.sync(() => RequestTable.remove(table, active))),
      Effect.annotateLogs("transfer", info.id),
      RequestSpan.request(info)
    )
  )
}

/**
 * Lets a request wait for its turn, and drops the oldest if too many wait. To begin one takes a millisecond of CPU
 * time, to receive it a hundredth: after a flood the newest begins first, and no client has to send its request again.
 */
const wait = (table: Table, active: ActiveRequest) => {
  const { waiting } = table
  waiting.add(active)
  if (waiting.size() > maxWaitingRequests) RequestTable.drop(table, waiting.oldest()!)
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
    if (Admission.makeRoom(table)) {
      waiting.remove(active)
      begin(table, active)
    } else if (silent.size === 0) RequestTable.drop(table, active)
    else yield* Effect.sleep(noRoomPauseMillis)
  }
  table.beginsWaiting = false
})

/** Returns the transfers in progress of a table. */
const runningOf = ({ requests }: Table): ReadonlyArray<TransferLog.RunningTransfer> =>
  [...requests.values()]
    .filter(({ state }) => RequestState.isInProgress(state))
    .map(({ info, state }) => ({ transfer: info, summary: RequestState.transferOf(state)?.summary() }))
    .sort((one, other) => one.transfer.id - other.transfer.id)

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
    ...{ requests, shutdown, run, lastId: 0, start: (received, superseded) => start(table, received, superseded) },
    ...{ silent: new Set<ActiveRequest>(), dallying: new Set<ActiveRequest>() },
    ...{ waiting: WaitingRequests.make<ActiveRequest>(), beginsWaiting: false },
    ...{ beginsLeft: 0, turnStartedAtMillis: 0 }
  }
  const drain = yield* Effect.cached(
    Effect.suspend(() => {
      shutdown.openUnsafe()
      RequestTable.refuseWaiting(table)
      return FiberSet.awaitEmpty(fibers).pipe(
        Effect.interruptible,
        Effect.timeoutOption(table.limits.drainMillis),
        Effect.andThen(FiberSet.clear(fibers))
      )
    })
  )
  return {
    receive: (received) => {
      const previous = requests.get(Endpoint.format(received.peer))
      const isRepeated = previous !== undefined && RequestState.isSame(previous.received.request, received.request)
      const isOfTransfer = isRepeated && RequestState.isInProgress(previous.state)
      if (shutdown.isOpen() && !isOfTransfer) return RequestTable.reply(received, RequestRefusal.stoppingPacket)
      if (previous === undefined) return start(table, received, undefined)
      RequestTable.send(table, previous, { _tag: "RequestReceived", received, isRepeated })
      // A client that sends its request again exists: it is the next one.
      if (table.waiting.has(previous)) table.waiting.add(previous)
    },
    receiveDatagram: (peer, bytes) => {
      const active = requests.get(Endpoint.format(peer))
      if (active === undefined || !active.sharesPort) return false
      if (table.silent.has(active)) RequestTable.send(table, active, { _tag: "Validated" })
      RequestState.transferOf(active.state)?.receive(bytes)
      return true
    },
    permits: (client) => ServerLimits.permits(table.limits, client),
    setLimits: (limits) => {
      table.limits = limits
    },
    running: () => runningOf(table),
    drain
  }
})
