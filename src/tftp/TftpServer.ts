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
import * as ServerLimits from "./server/ServerLimits.ts"
import * as ServerTelemetry from "./server/ServerTelemetry.ts"
import type * as TftpMetrics from "./server/TftpMetrics.ts"
import type * as TransferLog from "./server/TransferLog.ts"
import * as FileStore from "./store/FileStore.ts"
import type * as TftpServerEvent from "./TftpServerEvent.ts"
import { headerBytes } from "./transfer/BlockSource.ts"
import type * as Retransmission from "./transfer/Retransmission.ts"
import * as RetransmissionTimer from "./transfer/RetransmissionTimer.ts"
import * as Transfer from "./transfer/Transfer.ts"

/** The UDP port of TFTP: 69 (RFC 1350). @category constants @since 0.1.0 */
export const defaultPort: number = Url.defaultPort

/** Descriptors of a transfer: two sockets, and the file. */
const transferDescriptors = 3

/** Default of `maxTransfers`, if there are as many descriptors. */
const maxDefaultTransfers = 1_024

/**
 * Limits of a server, which `reconfigure` can change. Running transfers keep those that they began with.
 *
 * @category models
 * @since 0.1.0
 */
export type Limits = ServerLimits.Limits

/** Options of a server: addresses, limits and timers. @category models @since 0.1.0 */
export type Options = Limits & {
  /** The local address, an IP literal. Default 127.0.0.1, for this host only; `::` is every address, IPv4 too. */
  readonly host?: string | undefined
  /** The UDP port. Default 69; 0 for any free port. */
  readonly port?: number | undefined
  /** The range of ports for transfers, inclusive. Default: any port. */
  readonly ports?: readonly [from: number, to: number] | undefined
  /** True to run all transfers on the port of the server, for clients behind firewalls. Default false. */
  readonly singlePort?: boolean | undefined
  /** Threads that run the transfers, from `NodeTransferThreads.make`; ignored with `singlePort`. Default: none. */
  readonly threads?: RequestHandler.TransferThreads | undefined
  /**
   * The retransmission schedule for clients that ask for no timeout; threads do not use it. Default: by `timeout` and
   * `retries`.
   */
  readonly retransmission?: Retransmission.Retransmission | undefined
  /** Name of the service in metrics. Default "tftp". */
  readonly service?: string | undefined
  /** True to log each event, its values as annotations, for programs that read the log. Default false. */
  readonly annotatesLogs?: boolean | undefined
}

/** Counters of a server since its start. @category models @since 0.1.0 */
export type Stats = Readonly<TftpMetrics.Stats>

/** An event of a server. @category models @since 0.1.0 */
export type Event = TftpServerEvent.Event

/** A transfer that runs, or one of the latest that have ended. @category models @since 0.1.0 */
export type TransferStatus = TransferLog.TransferStatus

/** A running server. @category models @since 0.1.0 */
export interface Server extends ServerEvents.Observable<Event, Stats> {
  /** The address and port that it listens on. */
  readonly address: NetAddress.InetAddress
  /**
   * Returns the running transfers in the order of their requests, and then the latest that have ended, at most 80, the
   * last one first.
   */
  readonly transfers: Effect.Effect<ReadonlyArray<TransferStatus>>
  /**
   * Replaces the limits for the requests that follow; those that are left out return to their defaults. Running
   * transfers go on as they are.
   */
  readonly reconfigure: (limits: Limits) => Effect.Effect<void>
  /** Stops the server as closing its scope does: refuses new requests, waits for transfers, then stops the rest. */
  readonly drain: Effect.Effect<void>
}

/** The service of a running TFTP server. @category services @since 0.1.0 */
export class TftpServer extends Context.Service<TftpServer, Server>()("effect-inet/tftp/TftpServer") {}

/**
 * Tests if a datagram may be a late packet of a transfer that has ended. An ACK or an ERROR follows the ERROR of a
 * refusal: tftp-hpa acknowledges it. Other packets come late to a server whose transfers share its port.
 */
const isLate = (opcode: number, bytes: Uint8Array, singlePort: boolean) => {
  const { ACK, DATA, ERROR } = Packet.Opcode
  return bytes.length >= headerBytes && (opcode === ACK || opcode === ERROR || (singlePort && opcode === DATA))
}

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
  const { singlePort = false } = options
  const network = yield* Network.Network
  const sweeper = yield* Sweeper.make(RetransmissionTimer.periodMillis)
  const telemetry = yield* ServerTelemetry.make({
    service: options.service ?? "tftp",
    annotatesLogs: options.annotatesLogs ?? false,
    now: sweeper.now
  })
  const { malformed, stats } = telemetry
  const maxTransfersThatFit = Math.floor(network.availableSockets() / (singlePort ? 1 : transferDescriptors))
  const defaultMaxTransfers = Math.max(1, Math.min(maxDefaultTransfers, maxTransfersThatFit))
  const context: RequestHandler.ServerContext = {
    store: yield* FileStore.FileStore,
    sweeper,
    retransmission: options.retransmission,
    ports: options.ports,
    singlePort,
    threads: singlePort ? undefined : options.threads,
    activeTransfers: () => stats.active
  }
  const requests = yield* ActiveRequests.make({
    context,
    telemetry,
    limits: ServerLimits.make(options, defaultMaxTransfers)
  })

  const onRequest: ListenSockets.Handler = (bytes, peer, listenSocket) => {
    const packet = Packet.decode(bytes)
    if (Result.isFailure(packet)) {
      const { code, message } = packet.failure
      malformed(peer, message)
      if (requests.permits(peer)) listenSocket.socket.sendUnsafe(Transfer.errorPacket(code, message), peer)
      return
    }
    const request = packet.success
    if (request._tag === "RRQ" || request._tag === "WRQ") requests.receive({ request, peer, listenSocket })
  }
  const onDatagram: ListenSockets.Handler = (bytes, from, listenSocket) => {
    const opcode = Packet.opcode(bytes)
    if (opcode === Packet.Opcode.RRQ || opcode === Packet.Opcode.WRQ) return onRequest(bytes, from, listenSocket)
    if (requests.receiveDatagram(from, bytes)) return
    if (!isLate(opcode, bytes, singlePort)) {
      malformed(from, `not a request (opcode ${opcode}); send a request first`)
    }
    // ACK and ERROR get no reply: some clients acknowledge an ERROR, and the exchange would never end.
    if (opcode === Packet.Opcode.DATA && requests.permits(from)) {
      listenSocket.socket.sendUnsafe(Transfer.unknownTransferId, from)
    }
  }
  const listenSockets = yield* ListenSockets.open(options.host ?? "127.0.0.1", options.port ?? defaultPort, onDatagram)
  yield* Effect.addFinalizer(() => requests.drain)
  return {
    ...ServerEvents.observable(
      telemetry.events,
      Effect.sync(() => ({ ...stats }))
    ),
    address: listenSockets[0].socket.local,
    transfers: Effect.sync(() => telemetry.log.list(requests.running())),
    reconfigure: (limits) => Effect.sync(() => requests.setLimits(ServerLimits.make(limits, defaultMaxTransfers))),
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

/** Creates a config of names of options, separated by commas. */
const optionNames = (name: string) =>
  Config.map(Config.String(name), (text) => text.split(",").map((one) => one.trim()))

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
    refuse: Config.withDefault(optionNames(text("refuse")), defaults.refuse),
    allow: Config.withDefault(ServerConfig.networks("tftp", "allow"), defaults.allow),
    deny: Config.withDefault(ServerConfig.networks("tftp", "deny"), defaults.deny),
    timeout: duration("timeout", defaults.timeout),
    retries: integer("retries", 0, 1_000, defaults.retries),
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
