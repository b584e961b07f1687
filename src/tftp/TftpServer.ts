/**
 * A TFTP server for the files of a `FileStore` (RFC 1350, with the options of RFC 2347, 2348, 2349 and 7440).
 *
 * Every transfer has its own fiber and its own socket, which end together. The server's port receives requests only; a
 * duplicated request starts one transfer.
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
import * as TftpServerEvent from "./TftpServerEvent.ts"
import * as Retransmission from "./transfer/Retransmission.ts"
import * as RetransmissionTimer from "./transfer/RetransmissionTimer.ts"
import * as Transfer from "./transfer/Transfer.ts"

/** The UDP port of TFTP: 69 (RFC 1350). @category constants @since 0.1.0 */
export const defaultPort: number = Url.defaultPort

/** Options of a server: addresses, limits and timers. @category models @since 0.1.0 */
export interface Options {
  /** The local address, an IP literal. Default 127.0.0.1, for this host only; `::` is every address, IPv4 too. */
  readonly host?: string | undefined
  /** The UDP port. Default 69; 0 for any free port. */
  readonly port?: number | undefined
  /** The largest block granted, in bytes, 8 to 65,464 (RFC 2348). Default 65,464. */
  readonly blksize?: number | undefined
  /** The largest window granted, in blocks (RFC 7440). Default 64. */
  readonly windowsize?: number | undefined
  /** The MTU of the link, in bytes: no block is granted that would be fragmented. Default: no such limit. */
  readonly mtu?: number | undefined
  /** The range of ports for transfers, inclusive. Default: any port. */
  readonly ports?: readonly [from: number, to: number] | undefined
  /** True to run all transfers on the port of the server, for clients behind firewalls. Default false. */
  readonly singlePort?: boolean | undefined
  /** Threads that run the transfers, from `NodeTransferThreads.make`; ignored with `singlePort`. Default: none. */
  readonly threads?: RequestHandler.TransferThreads | undefined
  /** The retransmission schedule, unless the client asks for a timeout. Default `Retransmission.adaptive()`. */
  readonly retransmission?: Retransmission.Retransmission | undefined
  /** The most packets to a client that has not replied yet, as its address may be forged. Default 3. */
  readonly maxUnvalidatedPackets?: number | undefined
  /** The most concurrent transfers. Default 1,024, or fewer if the process has fewer descriptors left. */
  readonly maxTransfers?: number | undefined
  /** The most concurrent transfers with one client address. Default: no separate limit. */
  readonly maxTransfersPerClient?: number | undefined
  /** The longest duration of one transfer. Default 1 day. */
  readonly deadline?: Duration.Input | undefined
  /** The time that a stopping server gives to transfers in progress. Default 5 seconds. */
  readonly drain?: Duration.Input | undefined
}

/** Counters of a server since its start. @category models @since 0.1.0 */
export type Stats = Readonly<TftpMetrics.Stats>

/** An event of a server. @category models @since 0.1.0 */
export type Event = TftpServerEvent.Event

/** A running server. @category models @since 0.1.0 */
export interface Server {
  /** The address and port that it listens on. */
  readonly address: NetAddress.InetAddress
  readonly stats: Effect.Effect<Stats>
  /** The events from the start of the stream on; a subscriber more than 1,024 events behind loses the oldest. */
  readonly events: Stream.Stream<Event>
  /** Stops the server as closing its scope does: refuses new requests, waits for transfers, then stops the rest. */
  readonly drain: Effect.Effect<void>
}

/** The service of a running TFTP server. @category services @since 0.1.0 */
export class TftpServer extends Context.Service<TftpServer, Server>()("effect-inet/tftp/TftpServer") {}

/** The time between progress events of one transfer. */
const progressIntervalMillis = 250

/** A request in progress. */
interface ActiveTransfer extends RequestHandler.PendingRequest {
  readonly info: TftpServerEvent.TransferInfo
  /** Interrupts its fiber. */
  readonly stop: () => void
  /** True once the outcome is counted: the server only dallies, for a client that may have missed the last ACK. */
  ended: boolean
}

const overloadMessage = "The server is busy, try again later"
const overloadPacket = Transfer.errorPacket(Packet.ErrorCode.NotDefined, overloadMessage)
const supersededPacket = Transfer.errorPacket(Packet.ErrorCode.NotDefined, "superseded by a new request of the client")
const stoppingPacket = Transfer.errorPacket(Packet.ErrorCode.NotDefined, "The server is stopping")

const keyOf = ({ address, port }: Endpoint.Endpoint) => `${address} ${port}`

const isSame = (one: Packet.Request, other: Packet.Request) =>
  one._tag === other._tag &&
  one.filename === other.filename &&
  one.mode === other.mode &&
  `${one.options}` === `${other.options}`

/**
 * Starts a server that runs until the scope closes. Invalid requests are answered with ERROR, counted and logged; they
 * never stop the server. Fails if the port cannot be bound.
 *
 * **Example** (Serve one file from memory)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 * import { NodeServices } from "effect-inet/network"
 * import { FileStore, MemoryStore, TftpClient, TftpServer } from "effect-inet/tftp"
 *
 * const store = MemoryStore.make({ files: new Map([["motd", new TextEncoder().encode("hello")]]) })
 *
 * const program = Effect.gen(function*() {
 *   const server = yield* TftpServer.make({ port: 0 }).pipe(Effect.provideService(FileStore.FileStore, store))
 *   const file = { host: "127.0.0.1", port: server.address.port, path: "motd" }
 *   const text = Stream.mkString(Stream.decodeText(TftpClient.get(file)))
 *   yield* text // => "hello"
 *   yield* server.drain
 *   const { bytesSent } = yield* server.stats
 *   bytesSent // => 5
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
 * ```
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
  /** Refuses a request that has not started a transfer: the listen socket sends the ERROR. */
  const sendRefusal = (active: ActiveTransfer, { message, reason }: TftpError.TftpError) => {
    const isFile = reason._tag === "File"
    const [code, peerMessage] = isFile
      ? [reason.cause.code, reason.cause.peerMessage]
      : [Packet.ErrorCode.NotDefined, overloadMessage]
    active.listenSocket.socket.sendUnsafe(Transfer.errorPacket(code, peerMessage), active.peer)
    return telemetry.refused(active.info, peerMessage, message)
  }

  /** Decrements `active` only after the outcome is counted, so that `active === 0` means the stats are final. */
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
    const info: TftpServerEvent.TransferInfo = {
      id: ++requestCount,
      kind: request._tag,
      filename: request.filename,
      mode: request.mode,
      client: from
    }
    if (stats.active >= maxTransfers || telemetry.activeTransfersOf(from.address) >= maxPerClient) {
      listenSocket.socket.sendUnsafe(overloadPacket, from)
      run(telemetry.refused(info, overloadMessage, "refused: the limit of concurrent transfers is reached"))
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
        Effect.catchDefect((defect) =>
          Effect.logError(`${TftpServerEvent.describe(info)}: unhandled defect in transfer`, defect)
        ),
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
      // The client sent another request. It gets no ERROR for the old one: it would take that for the reply to the new.
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
    // ACK and ERROR get no reply: some clients acknowledge an ERROR, and the exchange would never end.
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

/**
 * Provides a server that runs as long as the layer.
 *
 * **Example** (Serve the files of a directory)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Stream from "effect/Stream"
 * import { NodeServices } from "effect-inet/network"
 * import { NodeFileStore, TftpClient, TftpServer } from "effect-inet/tftp"
 *
 * const server = TftpServer.layer({ port: 0, maxTransfersPerClient: 8 }).pipe(
 *   Layer.provide(NodeFileStore.layer({ root: "." }))
 * )
 *
 * const program = Effect.gen(function*() {
 *   const { address } = yield* TftpServer.TftpServer
 *   const file = { host: "127.0.0.1", port: address.port, path: "package.json" }
 *   const text = yield* Stream.mkString(Stream.decodeText(TftpClient.get(file)))
 *   JSON.parse(text).name // => "effect-inet"
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(server), Effect.provide(NodeServices.layer)))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options = {}
): Layer.Layer<TftpServer, Network.NetworkError, Network.Network | FileStore.FileStore> =>
  Layer.effect(TftpServer, make(options))
