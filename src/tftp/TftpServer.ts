/**
 * A TFTP server for the files of a `FileStore` (RFC 1350, with the options of RFC 2347, 2348, 2349 and 7440).
 *
 * Every transfer has its own fiber and its own socket, which end together. The server's port receives requests only; a
 * duplicated request starts one transfer.
 */

import * as Config from "effect/Config"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Network from "../network/Network.ts"
import * as ServerConfig from "../network/ServerConfig.ts"
import * as ServerEvents from "../network/ServerEvents.ts"
import * as Sweeper from "../network/Sweeper.ts"
import * as Packet from "./protocol/Packet.ts"
import * as Url from "./protocol/Url.ts"
import * as ActiveRequests from "./server/ActiveRequests.ts"
import * as ListenSockets from "./server/ListenSockets.ts"
import type * as RequestHandler from "./server/RequestHandler.ts"
import * as ServerTelemetry from "./server/ServerTelemetry.ts"
import type * as TftpMetrics from "./server/TftpMetrics.ts"
import * as FileStore from "./store/FileStore.ts"
import type * as TftpServerEvent from "./TftpServerEvent.ts"
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
export interface Server extends ServerEvents.Observable<Event, Stats> {
  /** The address and port that it listens on. */
  readonly address: NetAddress.InetAddress
  /** Stops the server as closing its scope does: refuses new requests, waits for transfers, then stops the rest. */
  readonly drain: Effect.Effect<void>
}

/** The service of a running TFTP server. @category services @since 0.1.0 */
export class TftpServer extends Context.Service<TftpServer, Server>()("effect-inet/tftp/TftpServer") {}

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
  const { drain = "5 seconds", deadline = "1 day", singlePort = false } = options
  const network = yield* Network.Network
  const telemetry = yield* ServerTelemetry.make()
  const { stats } = telemetry
  const context: RequestHandler.ServerContext = {
    store: yield* FileStore.FileStore,
    sweeper: yield* Sweeper.make(RetransmissionTimer.periodMillis),
    retransmission: options.retransmission ?? Retransmission.adaptive(),
    maxUnvalidatedPackets: options.maxUnvalidatedPackets ?? 3,
    policy: { blksize: options.blksize ?? 65_464, windowsize: options.windowsize ?? 64, mtu: options.mtu },
    ports: options.ports,
    singlePort,
    threads: singlePort ? undefined : options.threads,
    activeTransfers: () => stats.active
  }
  const requests = yield* ActiveRequests.make({
    context,
    telemetry,
    maxTransfers: options.maxTransfers ?? Math.max(1, Math.min(1_024, network.availableSockets())),
    maxTransfersPerClient: options.maxTransfersPerClient ?? Number.POSITIVE_INFINITY,
    deadline,
    drain
  })

  const onRequest: ListenSockets.Handler = (bytes, peer, listenSocket) => {
    const packet = Packet.decode(bytes)
    if (Result.isFailure(packet)) {
      stats.malformed++
      return listenSocket.socket.sendUnsafe(Transfer.errorPacket(packet.failure.code, packet.failure.message), peer)
    }
    const request = packet.success
    if (request._tag === "RRQ" || request._tag === "WRQ") requests.receive({ request, peer, listenSocket })
  }
  const onDatagram: ListenSockets.Handler = (bytes, from, listenSocket) => {
    const opcode = Packet.opcode(bytes)
    if (opcode === Packet.Opcode.RRQ || opcode === Packet.Opcode.WRQ) return onRequest(bytes, from, listenSocket)
    if (singlePort && requests.receiveDatagram(from, bytes)) return
    stats.malformed++
    // ACK and ERROR get no reply: some clients acknowledge an ERROR, and the exchange would never end.
    if (opcode === Packet.Opcode.DATA) listenSocket.socket.sendUnsafe(Transfer.unknownTransferId, from)
  }
  const listenSockets = yield* ListenSockets.open(options.host ?? "127.0.0.1", options.port ?? defaultPort, onDatagram)
  yield* Effect.addFinalizer(() => requests.drain)
  return {
    ...ServerEvents.observable(
      telemetry.events,
      Effect.sync(() => ({ ...stats }))
    ),
    address: listenSockets[0].socket.local,
    drain: requests.drain
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

/** Creates the config of the options that have an environment variable of `effect-inet tftp serve`. */
const configOf = (defaults: Options): Config.Config<Options> => {
  const text = (option: string) => ServerConfig.variable("tftp", option)
  const integer = (option: string, minimum: number, maximum: number, otherwise: number | undefined) =>
    Config.withDefault(ServerConfig.integer("tftp", option, minimum, maximum), otherwise)
  const duration = (option: string, otherwise: Duration.Input | undefined) =>
    Config.withDefault(ServerConfig.duration("tftp", option), otherwise)
  const variables = Config.all({
    host: Config.withDefault(Config.String(text("host")), defaults.host),
    port: Config.withDefault(ServerConfig.port("tftp"), defaults.port),
    ports: Config.withDefault(ServerConfig.portRange("tftp"), defaults.ports),
    singlePort: Config.withDefault(Config.Boolean(text("single-port")), defaults.singlePort),
    blksize: integer("blksize", 8, 65_464, defaults.blksize),
    windowsize: integer("windowsize", 1, 32_767, defaults.windowsize),
    mtu: integer("mtu", 68, 65_535, defaults.mtu),
    maxTransfers: integer("max-transfers", 1, Number.MAX_SAFE_INTEGER, defaults.maxTransfers),
    maxTransfersPerClient: integer("max-per-client", 1, Number.MAX_SAFE_INTEGER, defaults.maxTransfersPerClient),
    deadline: duration("deadline", defaults.deadline),
    drain: duration("drain", defaults.drain)
  })
  return Config.map(variables, (options) => ({ ...defaults, ...options }))
}

/**
 * Provides a server with options from the environment variables of `effect-inet tftp serve`, such as TFTP_PORT.
 * `defaults` has the others.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  defaults: Options = {}
): Layer.Layer<TftpServer, Network.NetworkError | Config.ConfigError, Network.Network | FileStore.FileStore> =>
  Layer.effect(TftpServer, Effect.flatMap(configOf(defaults), make))
