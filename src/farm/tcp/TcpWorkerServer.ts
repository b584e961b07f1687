/**
 * A server that lends a pool of workers to farms on other machines. The workers are normally threads, so that this
 * process stays responsive. All connected farms share the pool fairly.
 *
 * Without a key the server runs packets of any client. With one it serves only farms that have it, and the connections
 * are encrypted. It listens on the loopback address by default.
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type { Connection, NetworkError } from "../../network/Network.ts"
import * as ServerConfig from "../../network/ServerConfig.ts"
import * as ServerEvents from "../../network/ServerEvents.ts"
import * as TcpServer from "../../network/TcpServer.ts"
import { FarmError, InvalidOptions } from "../FarmError.ts"
import type { Workers } from "../Worker.ts"
import * as FarmSession from "./FarmSession.ts"
import type * as PoolRuns from "./PoolRuns.ts"
import * as SharedWorkerPool from "./SharedWorkerPool.ts"
import * as Auth from "./wire/Auth.ts"
import * as MessageChannel from "./wire/MessageChannel.ts"
import * as PayloadCodec from "./wire/PayloadCodec.ts"
import * as Protocol from "./wire/Protocol.ts"
import { Malformed, ProtocolError } from "./wire/ProtocolError.ts"

/** The port of the course's farm; IANA has not assigned one. @category constants @since 0.1.0 */
export const defaultPort = 1070

/** The options for serving farms. @category models @since 0.1.0 */
export interface ServeOptions {
  /**
   * The key that farms must have, ideally 32 random bytes as text. Connections are encrypted with it, six times as fast
   * with platform-node's `NodeCrypto.layer`. Default: none, every farm is served.
   */
  readonly key?: Redacted.Redacted | undefined
  /** Packets of one farm for each thread: waiting, running and being cancelled. From 1 to 65,536, default 64. */
  readonly capacity?: number | undefined
  /** The most bytes in a packet, and in a result, in binary form. Default 16 MiB. */
  readonly maxPacketBytes?: number | undefined
  /**
   * The most bytes of packets of one farm that are waiting, running and being cancelled; a packet that is alone may be
   * larger. The farm waits with further ones. Default 64 MiB.
   */
  readonly maxInFlightBytes?: number | undefined
  /** The time limit for the handshake. Default 10 seconds. */
  readonly handshakeTimeout?: Duration.Input | undefined
  /** Returns the units of an encoded packet, for `runs`. Default: a packet is one unit. */
  readonly unitsOf?: ((packet: unknown) => number) | undefined
}
/** The options of a server. @category models @since 0.1.0 */
export type Options = TcpServer.Options &
  ServeOptions & {
    /** The job of the pool: its schemas are those of the packets and results on the wire. */
    readonly job: PayloadCodec.WireJob
    /** The pool: it is started and ended with the server. */
    readonly workers: Workers
  }

/** An event of a farm. @category models @since 0.1.0 */
export type FarmEvent = FarmSession.FarmEvent

/** Counters of farms since the start of a server. @category models @since 0.1.0 */
export type FarmStats = FarmSession.FarmStats

/** An event of a server. @category models @since 0.1.0 */
export type Event = TcpServer.Event | FarmEvent

/** Counters of a server since its start. @category models @since 0.1.0 */
export type Stats = TcpServer.Stats & FarmStats

/** A run of a farm on the workers of a server. @category models @since 0.1.0 */
export type Run = PoolRuns.PoolRun

/** A running server. `Other` are the events that its owner adds. @category models @since 0.1.0 */
export interface Server<Other = never>
  extends Omit<TcpServer.TcpServer, "events" | "stats" | "statsEvery">,
    ServerEvents.Observable<Event | Other, Stats> {
  /**
   * Returns the runs of the farms that are connected in the order of their start, and then the latest that have ended,
   * at most 16.
   */
  readonly runs: Effect.Effect<ReadonlyArray<Run>>
}

/** The service of a running server. @category services @since 0.1.0 */
export class TcpWorkerServer extends Context.Service<TcpWorkerServer, Server>()("effect-inet/farm/TcpWorkerServer") {}

/** Serves one farm after its preamble; `rest` are the bytes that arrived with it. @category models @since 0.1.0 */
export type FarmHandler = (
  connection: Connection,
  client: TcpServer.ConnectionContext,
  rest: Uint8Array
) => Effect.Effect<void, NetworkError | ProtocolError>

/** The part of a server that serves farms. @category models @since 0.1.0 */
export interface Farms {
  readonly serve: FarmHandler
  /** The time limit for the handshake and for the bytes before it. */
  readonly handshakeTimeoutMillis: number
  /** Adds the runs, and the stats of the farms to those of the server that runs the handler. */
  readonly observe: <Other>(server: TcpServer.TcpServer<FarmEvent | Other>) => Server<Other>
}

const checkWhole = (name: string, value: number, max: number) => {
  if (Number.isInteger(value) && value >= 1 && value <= max) return Effect.void
  const message = `invalid ${name} ${value}: must be a whole number from 1 to ${max}`
  return Effect.fail(new FarmError({ reason: new InvalidOptions({ message }) }))
}

/**
 * Makes the part of a server that serves farms with this pool, and emits their events. Fails with `InvalidOptions`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeFarms = Effect.fnUntraced(function* (
  pool: SharedWorkerPool.SharedWorkerPool,
  options: ServeOptions & Pick<Options, "job">,
  emit: ServerEvents.ServerEvents<FarmEvent>["emit"]
) {
  const {
    capacity = 64,
    handshakeTimeout = "10 seconds",
    key,
    maxInFlightBytes = Protocol.defaultMaxInFlightBytes,
    maxPacketBytes = Protocol.defaultMaxPacketBytes
  } = options
  yield* checkWhole("capacity", capacity, Protocol.maxima.capacity)
  yield* checkWhole("maxPacketBytes", maxPacketBytes, Number.MAX_SAFE_INTEGER)
  yield* checkWhole("maxInFlightBytes", maxInFlightBytes, Number.MAX_SAFE_INTEGER)
  const stats = { farms: 0, packets: 0 }
  const shared: FarmSession.Shared = {
    ...{ pool, capacity, maxInFlightBytes, maxPacketBytes, unitsOf: options.unitsOf },
    ...{ emit, stats, codec: PayloadCodec.make(options.job) },
    auth: key === undefined ? undefined : yield* Auth.make(key),
    handshakeTimeoutMillis: Duration.toMillis(handshakeTimeout)
  }
  const farms: Farms = {
    handshakeTimeoutMillis: shared.handshakeTimeoutMillis,
    serve: (connection, context, rest) => FarmSession.serve(shared, connection, context, rest),
    observe: (server) => ({
      ...server,
      runs: pool.runs,
      ...ServerEvents.observable(
        server.events,
        Effect.map(server.stats, (connections) => ({ ...connections, ...stats }))
      )
    })
  }
  return farms
})

/**
 * Listens and serves until the scope closes. Fails with `FarmError` if the workers cannot be started, and with
 * `NetworkError` if the server cannot listen.
 *
 * **Example** (Lending a thread to a farm over TCP)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as NetAddress from "effect/net/NetAddress"
 * import { Farm, NodeThreadWorkers, TcpWorkerServer, TcpWorkers } from "effect-inet/farm"
 * import { NodeServices } from "effect-inet/network"
 * import { PrimeJob } from "effect-inet/primes"
 *
 * const program = Effect.gen(function* () {
 *   const threads = NodeThreadWorkers.make({ module: PrimeJob.module, threads: 1 })
 *   const server = yield* TcpWorkerServer.make({ port: 0, job: PrimeJob.job, workers: threads, drain: 0 })
 *   const hosts = [NetAddress.formatSocketAddress(server.address)]
 *   const workers = yield* TcpWorkers.make({ hosts, job: PrimeJob.job })
 *   const input = { from: 0, to: 1_000_000, kernel: "wasm" } as const
 *   return yield* Farm.run(PrimeJob.job, input, { workers: Effect.succeed(workers) })
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NodeServices.layer))) // => 78498
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options) {
  const pool = yield* SharedWorkerPool.make(yield* options.workers)
  const events = yield* ServerEvents.make<Event>()
  const { handshakeTimeoutMillis, observe, serve } = yield* makeFarms(pool, options, events.emit)
  const server = yield* TcpServer.make(
    { service: "farm", ...options },
    Effect.fnUntraced(function* (connection: Connection, client: TcpServer.ConnectionContext) {
      const { head, rest } = yield* MessageChannel.readHead(
        connection,
        Protocol.preamble.length,
        handshakeTimeoutMillis
      )
      if (head.some((byte, at) => byte !== Protocol.preamble[at])) return yield* badMagic
      return yield* serve(connection, client, rest)
    }),
    events
  )
  return observe<never>(server)
})

/** Layer of a server that runs as long as the layer is in use. @category layers @since 0.1.0 */
export const layer = (options: Options) => Layer.effect(TcpWorkerServer, make(options))

/**
 * Layer of a server with the options of the environment, such as FARM_PORT and FARM_KEY, else those of `options`. The
 * port is 1070 by default.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (options: ServerConfig.Defaults<Options> & Pick<Options, "job" | "workers">) =>
  Layer.unwrap(
    Config.map(
      Config.all({
        tcp: ServerConfig.tcp("farm", { port: defaultPort, ...options }),
        key: Config.withDefault(Config.Redacted(ServerConfig.variable("farm", "key")), options.key)
      }),
      ({ key, tcp }) => layer({ ...tcp, key })
    )
  )

const badMagic = Effect.fail(
  new ProtocolError({ reason: new Malformed({ detail: "not a farm connection: bad magic" }) })
)
