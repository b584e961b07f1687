/** The requests in progress of a server, one for each port of a client: a fiber and the state of `RequestState`. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import * as Endpoint from "../../network/Endpoint.ts"
import type * as Network from "../../network/Network.ts"
import * as Sweeper from "../../network/Sweeper.ts"
import * as Packet from "../protocol/Packet.ts"
import * as TftpError from "../TftpError.ts"
import * as TftpServerEvent from "../TftpServerEvent.ts"
import * as Transfer from "../transfer/Transfer.ts"
import * as RequestHandler from "./RequestHandler.ts"
import * as RequestState from "./RequestState.ts"
import type { ServerTelemetry } from "./ServerTelemetry.ts"

/** The limits and services of a server. */
export interface Options {
  readonly context: RequestHandler.ServerContext
  readonly telemetry: ServerTelemetry
  readonly maxTransfers: number
  readonly maxTransfersPerClient: number
  readonly deadline: Duration.Input
  readonly drain: Duration.Input
}

/** The requests in progress of a server. */
export interface ActiveRequests {
  /** Starts a request, refuses it, or counts it as a duplicate. */
  readonly receive: (received: RequestHandler.ReceivedRequest) => void
  /** Passes a datagram to the transfer with a client; returns false if the client has no request in progress. */
  readonly receiveDatagram: (peer: Endpoint.Endpoint, bytes: Uint8Array) => boolean
  /** Refuses new requests, waits for the transfers in progress, and stops the rest at the drain time. */
  readonly drain: Effect.Effect<void>
}

/** A request in progress. */
interface ActiveRequest {
  readonly info: TftpServerEvent.TransferInfo
  readonly received: RequestHandler.ReceivedRequest
  state: RequestState.State
  fiber: Fiber.Fiber<void> | undefined
}

/** The requests of a server, by the address and port of the client. */
interface Table extends Options {
  readonly requests: Map<string, ActiveRequest>
  /** Open once the server refuses new requests. */
  readonly shutdown: Latch.Latch
  readonly run: (effect: Effect.Effect<void, never, Network.Network>) => Fiber.Fiber<void>
  lastId: number
}

/** The time between progress events of one transfer. */
const progressIntervalMillis = 250

const overloadMessage = "The server is busy, try again later"
const overloadPacket = Transfer.errorPacket(Packet.ErrorCode.NotDefined, overloadMessage)
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
  for (const action of actions) perform(table, active, action)
}

const perform = (table: Table, active: ActiveRequest, action: RequestState.Action) => {
  switch (action._tag) {
    case "CountEnded":
      return table.telemetry.transferEnded(active.info)
    case "CountDuplicate":
      table.telemetry.stats.duplicates++
      return
    case "Interrupt":
      return active.fiber?.interruptUnsafe()
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

/** Opens a request and runs its transfer. */
const runTransfer = Effect.fnUntraced(function* (
  context: RequestHandler.ServerContext,
  received: RequestHandler.ReceivedRequest,
  onOpened: (transfer: Transfer.Transfer) => void
) {
  const { dally, transfer } = yield* RequestHandler.open(context, received)
  onOpened(transfer)
  const annotate = Effect.suspend(() => {
    const { blksize, bytes, windowsize } = transfer.summary()
    return Effect.annotateCurrentSpan({ blksize, bytes, windowsize })
  })
  const summary = yield* transfer.run.pipe(Effect.ensuring(annotate), traced("TftpServer.transfer", {}))
  return { dally, summary }
})

/** Serves a request until its outcome is counted and the client needs no further ACK. */
const serve = Effect.fnUntraced(function* (table: Table, active: ActiveRequest) {
  const { context, deadline, shutdown, telemetry } = table
  const { info, received } = active
  const { now } = context.sweeper
  const startedAt = now()
  yield* Sweeper.every(context.sweeper, progressIntervalMillis, () => {
    if (active.state._tag === "Transferring") telemetry.progress(info, active.state.transfer)
  })
  const onOpened = (transfer: Transfer.Transfer) => send(table, active, { _tag: "Opened", transfer })
  const { dally, summary } = yield* runTransfer(context, received, onOpened).pipe(
    Effect.timeoutOrElse({
      duration: deadline,
      orElse: () => new TftpError.TftpError({ reason: new TftpError.DeadlineExceeded({ millis: now() - startedAt }) })
    }),
    Effect.onInterrupt(() => telemetry.stopped(info, RequestState.transferOf(active.state)))
  )
  yield* telemetry.finished(info, summary, now() - startedAt)
  send(table, active, { _tag: "Succeeded" })
  yield* Effect.raceFirst(dally, shutdown.await)
}, Effect.scoped)

/** Returns the reason of a failure for the log: a superseded transfer ends as if the client had sent an ERROR. */
const errorOf = ({ _tag }: RequestState.State, error: TftpError.TftpError) =>
  _tag === "Superseded" && error.reason._tag === "Refused"
    ? new TftpError.TftpError({ reason: new TftpError.Superseded() })
    : error

/** Reports a failure. Before the transfer began it is a refusal: the listen socket sends the ERROR. */
const fail = ({ telemetry }: Table, { info, received, state }: ActiveRequest, error: TftpError.TftpError) => {
  const transfer = RequestState.transferOf(state)
  if (transfer !== undefined) return telemetry.failed(info, errorOf(state, error), transfer)
  const { message, reason } = error
  const isFile = reason._tag === "File"
  const [code, peerMessage] = isFile
    ? [reason.cause.code, reason.cause.peerMessage]
    : [Packet.ErrorCode.NotDefined, overloadMessage]
  reply(received, Transfer.errorPacket(code, peerMessage))
  return telemetry.refused(info, peerMessage, message)
}

const start = (table: Table, received: RequestHandler.ReceivedRequest): void => {
  const { maxTransfers, maxTransfersPerClient, requests, run, telemetry } = table
  const { peer, request } = received
  const { _tag: kind, filename, mode } = request
  const info: TftpServerEvent.TransferInfo = { id: ++table.lastId, kind, filename, mode, client: peer }
  if (telemetry.stats.active >= maxTransfers || telemetry.activeTransfersOf(peer.address) >= maxTransfersPerClient) {
    reply(received, overloadPacket)
    run(telemetry.refused(info, overloadMessage, "refused: the limit of concurrent transfers is reached"))
    return
  }
  const key = Endpoint.format(peer)
  const active: ActiveRequest = { info, received, state: RequestState.initial, fiber: undefined }
  requests.set(key, active)
  telemetry.transferStarted(info)
  active.fiber = run(
    serve(table, active).pipe(
      Effect.catch((error) => fail(table, active, error)),
      Effect.catchDefect((defect) =>
        Effect.logError(`${TftpServerEvent.describe(info)}: unhandled defect in transfer`, defect)
      ),
      Effect.ensuring(
        Effect.sync(() => {
          send(table, active, { _tag: "Ended" })
          if (requests.get(key) === active) requests.delete(key)
        })
      ),
      Effect.annotateLogs("transfer", info.id),
      traced("TftpServer.request", {
        kind: "server",
        root: true,
        attributes: { client: key, file: filename, opcode: kind, mode }
      })
    )
  )
}

/** Makes the requests of a server. They are interrupted when the scope closes. */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<ActiveRequests, never, Network.Network | Scope.Scope> {
  const fibers = yield* FiberSet.make<void>()
  const requests: Table["requests"] = new Map()
  const shutdown = Latch.makeUnsafe(false)
  const run = yield* FiberSet.runtime(fibers)<Network.Network>()
  const table: Table = { ...options, requests, shutdown, run, lastId: 0 }
  const drain = yield* Effect.cached(
    Effect.suspend(() => {
      shutdown.openUnsafe()
      return FiberSet.awaitEmpty(fibers).pipe(
        Effect.interruptible,
        Effect.timeoutOption(options.drain),
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
      if (active !== undefined) RequestState.transferOf(active.state)?.receive(bytes)
      return active !== undefined
    },
    drain
  }
})
