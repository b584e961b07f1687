/**
 * A TFTP server (RFC 1350, with the options of RFC 2347, 2348, 2349 and 7440) of whatever a `FileStore` holds.
 *
 * Every transfer has a fiber and a socket of its own, which end together. What comes in at the server's port only
 * starts transfers; a request that comes twice starts one.
 */

import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import type * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Endpoint from "../network/Endpoint.ts"
import * as Network from "../network/Network.ts"
import * as Sweeper from "../network/Sweeper.ts"
import * as Packet from "./protocol/Packet.ts"
import * as Url from "./protocol/Url.ts"
import * as ListenSockets from "./server/ListenSockets.ts"
import * as RequestHandler from "./server/RequestHandler.ts"
import * as ServerTelemetry from "./server/ServerTelemetry.ts"
import type * as TftpMetrics from "./server/TftpMetrics.ts"
import * as FileStore from "./store/FileStore.ts"
import * as TftpError from "./TftpError.ts"
import * as TftpEvent from "./TftpEvent.ts"
import * as Retransmission from "./transfer/Retransmission.ts"
import * as RetransmissionTimer from "./transfer/RetransmissionTimer.ts"
import * as Transfer from "./transfer/Transfer.ts"

/** The port of TFTP (RFC 1350). @category constants @since 0.1.0 */
export const defaultPort: number = Url.defaultPort

/** Where to listen and what to allow. @category models @since 0.1.0 */
export interface Options {
  /** An IP literal. Default 127.0.0.1: the network is let in only when asked for. `::` also takes IPv4. */
  readonly host?: string | undefined
  /** Default 69; 0 asks for an ephemeral port. */
  readonly port?: number | undefined
  /** The largest block granted, in bytes, 8 to 65,464 (RFC 2348). Default 65,464. */
  readonly blksize?: number | undefined
  /** The largest window granted, in blocks (RFC 7440). Default 64. */
  readonly windowsize?: number | undefined
  /** Grants no block that would not fit into one packet of a link of so many bytes. Default: no such limit. */
  readonly mtu?: number | undefined
  /** Ports for transfers, both included. Default: any. */
  readonly ports?: readonly [from: number, to: number] | undefined
  /** Transfers stay on the port of the server, for clients behind firewalls. Default false. */
  readonly singlePort?: boolean | undefined
  /** Threads that run the transfers of files of a directory, from `NodeThreads.make`; not with `singlePort`. */
  readonly threads?: RequestHandler.TransferThreads | undefined
  /** When to send again, unless the client asks for an interval. Default `Retransmission.adaptive()`. */
  readonly retransmission?: Retransmission.Retransmission | undefined
  /** Packets in all to a client that has not answered yet: its address may be forged. Default 3. */
  readonly maxUnvalidatedPackets?: number | undefined
  /** Transfers at a time. Default 1,024, or what the process has descriptors for, if that is less. */
  readonly maxTransfers?: number | undefined
  /** Transfers at a time with one address. Default: no limit of its own. */
  readonly maxTransfersPerClient?: number | undefined
  /** The longest a transfer may take. Default 1 day. */
  readonly deadline?: Duration.Input | undefined
  /** How long a closing server lets transfers finish. Default 5 seconds. */
  readonly drain?: Duration.Input | undefined
}

/** What a server has done so far. @category models @since 0.1.0 */
export type Stats = Readonly<TftpMetrics.Stats>

/** What happens at a server. @category models @since 0.1.0 */
export type Event = TftpEvent.Event

/** A running server. @category models @since 0.1.0 */
export interface Server {
  readonly address: NetAddress.InetAddress
  readonly stats: Effect.Effect<Stats>
  /** From now on; a reader that is more than 1,024 events behind loses the oldest. */
  readonly events: Stream.Stream<Event>
  /** Ends the server as its scope does: no new transfers; waits for those that run; stops what is left. */
  readonly drain: Effect.Effect<void>
}

/** A running TFTP server. @category services @since 0.1.0 */
export class TftpServer extends Context.Service<TftpServer, Server>()("effect-inet/tftp/TftpServer") {}

/** Milliseconds between progress events of one transfer. */
const progressIntervalMillis = 250

interface ActiveTransfer extends RequestHandler.PendingRequest {
  readonly info: TftpEvent.TransferInfo
  readonly stop: () => void
  /** What remains is to peerMessage a client that may not know. */
  ended: boolean
}

const overloadMessage = "The server is busy, try again later"
const overloadPacket = Transfer.errorPacket(Packet.ErrorCode.NotDefined, overloadMessage)
const supersededPacket = Transfer.errorPacket(Packet.ErrorCode.NotDefined, "asked for something else")
const stoppingPacket = Transfer.errorPacket(Packet.ErrorCode.NotDefined, "The server is stopping")

const keyOf = ({ address, port }: Endpoint.Endpoint) => `${address} ${port}`

const isSame = (one: Packet.Request, other: Packet.Request) =>
  one._tag === other._tag &&
  one.filename === other.filename &&
  one.mode === other.mode &&
  `${one.options}` === `${other.options}`

/**
 * Serves files until the scope closes. What clients do wrong is answered, counted and logged, and never ends it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options = {}
): Effect.fn.Return<Server, Network.NetworkError, Network.Network | FileStore.FileStore | Scope.Scope> {
  const network = yield* Network.Network
  const store = yield* FileStore.FileStore
  const maxTransfers = options.maxTransfers ?? Math.max(1, Math.min(1_024, network.availableSockets()))
  const maxPerClient = options.maxTransfersPerClient ?? Number.POSITIVE_INFINITY
  const telemetry = yield* ServerTelemetry.make
  const { stats } = telemetry
  const sweeper = yield* Sweeper.make(RetransmissionTimer.periodMillis)
  const activeTransfers = new Map<string, ActiveTransfer>()
  const shutdown = Latch.makeUnsafe(false)
  let requestCount = 0
  let isDraining = false

  const context: RequestHandler.ServerContext = {
    store,
    sweeper,
    retransmission: options.retransmission ?? Retransmission.adaptive(),
    maxUnvalidatedPackets: options.maxUnvalidatedPackets ?? 3,
    policy: { blksize: options.blksize ?? 65_464, windowsize: options.windowsize ?? 64, mtu: options.mtu },
    ports: options.ports,
    singlePort: options.singlePort ?? false,
    threads: options.singlePort === true ? undefined : options.threads,
    activeTransfers: () => stats.active
  }
  /** There was no transfer: the door answers. */
  const sendRefusal = (active: ActiveTransfer, { message, reason }: TftpError.TftpError) => {
    const isFile = reason._tag === "File"
    const [code, peerMessage] = isFile
      ? [reason.cause.code, reason.cause.peerMessage]
      : [Packet.ErrorCode.NotDefined, overloadMessage]
    active.listenSocket.socket.sendUnsafe(Transfer.errorPacket(code, peerMessage), active.peer)
    return telemetry.refused(active.info, peerMessage, message)
  }

  /** Counted only when what became of it is, too: who sees none active sees all stats. */
  const markEnded = (active: ActiveTransfer) => {
    if (active.ended) return
    active.ended = true
    telemetry.transferEnded(active.info)
  }

  const serve = Effect.fnUntraced(function* (active: ActiveTransfer) {
    const { info } = active
    const startedAt = sweeper.now()
    yield* Sweeper.every(sweeper, progressIntervalMillis, () => {
      if (active.transfer !== undefined && !active.ended) telemetry.progress(info, active.transfer.summary())
    })
    const outcome = yield* RequestHandler.serve(context, active).pipe(
      Effect.timeoutOrElse({
        duration: options.deadline ?? "1 day",
        orElse: () =>
          new TftpError.TftpError({ reason: new TftpError.DeadlineExceeded({ millis: sweeper.now() - startedAt }) })
      }),
      Effect.onInterrupt(() => telemetry.stopped(info, active.transfer))
    )
    yield* telemetry.finished(info, outcome.summary, sweeper.now() - startedAt)
    markEnded(active)
    yield* Effect.raceFirst(outcome.dally, shutdown.await)
  }, Effect.scoped)

  const fibers = yield* FiberSet.make<void>()
  const run = yield* FiberSet.runtime(fibers)<Network.Network>()

  const start = (request: Packet.Request, from: Endpoint.Endpoint, listenSocket: ListenSockets.ListenSocket) => {
    const key = keyOf(from)
    const info: TftpEvent.TransferInfo = {
      id: ++requestCount,
      kind: request._tag,
      filename: request.filename,
      mode: request.mode,
      client: from
    }
    if (stats.active >= maxTransfers || telemetry.activeTransfersOf(from.address) >= maxPerClient) {
      listenSocket.socket.sendUnsafe(overloadPacket, from)
      run(telemetry.refused(info, overloadMessage, "over the limit of transfers"))
      return
    }
    const active: ActiveTransfer = {
      info,
      request,
      peer: from,
      listenSocket,
      receive: () => {},
      transfer: undefined,
      ended: false,
      stop: () => fiber.interruptUnsafe()
    }
    activeTransfers.set(key, active)
    const remove = Effect.sync(() => {
      markEnded(active)
      if (activeTransfers.get(key) === active) activeTransfers.delete(key)
    })
    const fiber = run(
      Effect.andThen(telemetry.transferStarted(info), serve(active)).pipe(
        Effect.catch((error) =>
          active.transfer === undefined ? sendRefusal(active, error) : telemetry.failed(info, error, active.transfer)
        ),
        Effect.catchDefect((defect) => Effect.logError(`${TftpEvent.describe(info)}: the transfer broke`, defect)),
        Effect.ensuring(remove)
      )
    )
  }

  const onRequest = (bytes: Uint8Array, from: Endpoint.Endpoint, listenSocket: ListenSockets.ListenSocket) => {
    const packet = Packet.decode(bytes)
    if (Result.isFailure(packet)) {
      stats.malformed++
      return listenSocket.socket.sendUnsafe(Transfer.errorPacket(packet.failure.code, packet.failure.message), from)
    }
    if (packet.success._tag !== "RRQ" && packet.success._tag !== "WRQ") return
    if (isDraining) return listenSocket.socket.sendUnsafe(stoppingPacket, from)
    const previous = activeTransfers.get(keyOf(from))
    if (previous !== undefined) {
      if (!previous.ended && isSame(previous.request, packet.success)) {
        stats.duplicates++
        return
      }
      // The client has turned to something else. No word to it: it would take that for the peerMessage to its new request.
      if (previous.ended || previous.transfer === undefined) previous.stop()
      else previous.receive(supersededPacket)
    }
    start(packet.success, from, listenSocket)
  }

  const onDatagram: ListenSockets.Handler = (bytes, from, listenSocket) => {
    const opcode = Packet.opcode(bytes)
    if (opcode === Packet.Opcode.RRQ || opcode === Packet.Opcode.WRQ) return onRequest(bytes, from, listenSocket)
    if (context.singlePort) {
      const active = activeTransfers.get(keyOf(from))
      if (active !== undefined) return active.receive(bytes)
    }
    stats.malformed++
    // ACK and ERROR are not answered: there are clients that acknowledge an ERROR, without end.
    if (opcode === Packet.Opcode.DATA) listenSocket.socket.sendUnsafe(Transfer.unknownTransferId, from)
  }

  const listenSockets = yield* ListenSockets.open(options.host ?? "127.0.0.1", options.port ?? defaultPort, onDatagram)

  const drain = yield* Effect.cached(
    Effect.suspend(() => {
      isDraining = true
      shutdown.openUnsafe()
      return FiberSet.awaitEmpty(fibers).pipe(
        Effect.interruptible,
        Effect.timeoutOption(options.drain ?? "5 seconds"),
        Effect.andThen(FiberSet.clear(fibers))
      )
    })
  )
  yield* Effect.addFinalizer(() => drain)

  return {
    address: listenSockets[0].socket.local,
    stats: Effect.sync(() => ({ ...stats })),
    events: Stream.fromPubSub(telemetry.events),
    drain
  }
})

/** @category layers @since 0.1.0 */
export const layer = (
  options: Options = {}
): Layer.Layer<TftpServer, Network.NetworkError, Network.Network | FileStore.FileStore> =>
  Layer.effect(TftpServer, make(options))
