/**
 * A server that lends a pool of workers to farms on other machines. The workers are normally threads, so that this
 * process stays responsive. All connected farms share the pool fairly.
 *
 * Without a key the server runs packets of any client. It listens on the loopback address by default.
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Pull from "effect/Pull"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type { Connection, NetworkError } from "../../network/Network.ts"
import * as ServerConfig from "../../network/ServerConfig.ts"
import * as ServerEvents from "../../network/ServerEvents.ts"
import * as TcpServer from "../../network/TcpServer.ts"
import type { Task, Workers } from "../Worker.ts"
import * as Auth from "./Auth.ts"
import * as MessageChannel from "./MessageChannel.ts"
import * as OutcomeFrames from "./OutcomeFrames.ts"
import * as PayloadCodec from "./PayloadCodec.ts"
import * as Protocol from "./Protocol.ts"
import * as SharedWorkerPool from "./SharedWorkerPool.ts"

/** The port of the course's farm; IANA has not assigned one. @category constants @since 0.1.0 */
export const defaultPort = 1070

/** The options for serving farms. @category models @since 0.1.0 */
export interface ServeOptions {
  /** The key that farms must have. Default: none, every farm is served. */
  readonly key?: Redacted.Redacted | undefined
  /** Packets of one farm for each thread: waiting, running and being cancelled. Default 64. */
  readonly capacity?: number | undefined
  /** The most bytes in a packet, and in a result, in binary form. Default 16 MiB. */
  readonly maxPacketBytes?: number | undefined
  /** The time limit for the handshake. Default 10 seconds. */
  readonly handshakeTimeout?: Duration.Input | undefined
}
/** The options of a server. @category models @since 0.1.0 */
export type Options = TcpServer.Options &
  ServeOptions & {
    /** The job of the pool: its schemas are those of the packets and results on the wire. */
    readonly job: PayloadCodec.WireJob
    /** The pool: it is started and ended with the server. */
    readonly workers: Workers
  }

/** An event of a farm. `id` is that of its connection. @category models @since 0.1.0 */
export type FarmEvent =
  /** The handshake was successful. */
  | { readonly _tag: "FarmJoined"; readonly id: number }
  /** The handshake failed, or the farm violated the protocol. */
  | { readonly _tag: "FarmRefused"; readonly id: number; readonly message: string }
  | { readonly _tag: "FarmLeft"; readonly id: number }

/** An event of a server. @category models @since 0.1.0 */
export type Event = TcpServer.Event | FarmEvent

/** Counters of farms since the start of a server. @category models @since 0.1.0 */
export interface FarmStats {
  /** The current number of farms. */
  readonly farms: number
  /** Packets with an outcome: done, failed or stopped. */
  readonly packets: number
}

/** Counters of a server since its start. @category models @since 0.1.0 */
export type Stats = TcpServer.Stats & FarmStats

/** A running server. `Other` are the events that its owner adds. @category models @since 0.1.0 */
export interface Server<Other = never>
  extends Omit<TcpServer.TcpServer, "events" | "stats" | "statsEvery">,
    ServerEvents.Observable<Event | Other, Stats> {}

/** The service of a running server. @category services @since 0.1.0 */
export class TcpWorkerServer extends Context.Service<TcpWorkerServer, Server>()("effect-inet/farm/TcpWorkerServer") {}

/** Serves one farm after its preamble; `rest` are the bytes that arrived with it. @category models @since 0.1.0 */
export type FarmHandler = (
  connection: Connection,
  client: TcpServer.ConnectionContext,
  rest: Uint8Array
) => Effect.Effect<void, NetworkError | Protocol.ProtocolError>

/** The part of a server that serves farms. @category models @since 0.1.0 */
export interface Farms {
  readonly serve: FarmHandler
  /** The time limit for the handshake and for the bytes before it. */
  readonly handshakeTimeoutMillis: number
  /** Adds the stats of the farms to those of the server that runs the handler. */
  readonly observe: <Other>(server: TcpServer.TcpServer<FarmEvent | Other>) => Server<Other>
}

/** The part of the server that the connections of all farms share. */
interface Shared {
  readonly pool: SharedWorkerPool.SharedWorkerPool
  readonly auth: Auth.Auth | undefined
  readonly capacity: number
  readonly codec: PayloadCodec.PayloadCodec
  readonly maxPacketBytes: number
  readonly handshakeTimeoutMillis: number
  readonly emit: ServerEvents.ServerEvents<FarmEvent>["emit"]
  readonly stats: { -readonly [Name in keyof FarmStats]: FarmStats[Name] }
}

const refuse = (reason: Protocol.Refused["reason"], message: string) =>
  Effect.fail(new Protocol.ProtocolError({ reason: new Protocol.Refused({ reason, message }) }))

const farmLeft = MessageChannel.connectionEnded("the farm closed the connection during the handshake")

const checkHello = (hello: Protocol.Message, { job }: SharedWorkerPool.SharedWorkerPool) => {
  if (hello._tag !== "Hello") return Effect.fail(MessageChannel.unexpectedMessage(hello))
  if (hello.version !== Protocol.version) {
    const message = `unsupported protocol version ${hello.version}: this server speaks version ${Protocol.version}`
    return refuse("Version", message)
  }
  if (hello.job === job.name && hello.jobVersion === job.version) return Effect.succeed(hello)
  const wanted = Protocol.singleLine(`${hello.job} ${hello.jobVersion}`)
  return refuse("Job", `wrong job ${wanted}: this server runs ${job.name} ${job.version}`)
}

/** Waits for the greeting of a farm, and verifies its key. Returns the answer, which is not sent. */
const handshake = (
  { auth, capacity, handshakeTimeoutMillis, pool }: Shared,
  channel: MessageChannel.MessageChannel,
  connection: Connection
) =>
  Effect.gen(function* () {
    const hello = yield* checkHello(yield* channel.next, pool)
    const welcome: Protocol.Welcome = { _tag: "Welcome", threads: pool.threads, capacity }
    if (auth === undefined) return { hello, welcome }
    if (hello.nonce === undefined) {
      return yield* refuse("Key", "authentication required: start the client with --key")
    }
    const serverNonce = yield* auth.nonce
    yield* connection.write(Protocol.encodeUnsafe({ _tag: "Challenge", nonce: serverNonce }))
    const reply = yield* channel.next
    const farmProof = reply._tag === "Proof" ? reply.proof : undefined
    if (!(yield* auth.verify("farm", { hello, serverNonce }, farmProof))) {
      return yield* refuse("Key", "authentication failed: wrong key")
    }
    return { hello, welcome: { ...welcome, proof: yield* auth.prove("server", { hello, serverNonce, welcome }) } }
  }).pipe(
    Pull.catchDone(farmLeft),
    Effect.timeoutOrElse({
      duration: handshakeTimeoutMillis,
      orElse: () => Effect.fail(MessageChannel.timedOut(handshakeTimeoutMillis))
    })
  )

/** Sends the reason to the farm, if the connection still works. */
const sendRefusal = (connection: Connection, error: Protocol.ProtocolError) => {
  const reason = error.reason._tag === "Refused" ? error.reason.reason : "Broken"
  return Effect.ignore(connection.write(Protocol.encodeUnsafe({ _tag: "Refused", reason, message: error.message })))
}

/** A farm that is served. */
interface Served {
  readonly channel: MessageChannel.MessageChannel
  readonly client: SharedWorkerPool.PoolClient
  readonly codec: PayloadCodec.PayloadCodec
  readonly maxInFlight: number
}

/** Performs the messages of a farm, then waits until it has read enough outcomes. */
const receive = Effect.fnUntraced(function* (
  messages: ReadonlyArray<Protocol.Message>,
  { channel, client, codec, maxInFlight }: Served
) {
  const tasks = new Map<number, Task>()
  const run = () => {
    client.run([...tasks.values()])
    tasks.clear()
  }
  for (const message of messages) {
    switch (message._tag) {
      case "Work": {
        const { id, packet } = message
        if (client.inFlight.has(id) || tasks.has(id)) return yield* MessageChannel.invalidId(id, "duplicate id")
        if (client.inFlight.size + tasks.size >= maxInFlight) {
          return yield* MessageChannel.invalidId(id, `more than ${maxInFlight} packets in flight`)
        }
        const decoded = codec.packet.decode(packet)
        if (Result.isSuccess(decoded)) tasks.set(id, { id, packet: decoded.success })
        else channel.send([OutcomeFrames.failed(id, `the packet cannot be read: ${decoded.failure}`)])
        break
      }
      case "Cancel":
        // The cancel may concern tasks of the same batch.
        run()
        client.cancel(message.ids)
        break
      case "Ping":
        channel.send([Protocol.encodeUnsafe({ _tag: "Pong" })])
        break
      default:
        return yield* MessageChannel.unexpectedMessage(message)
    }
  }
  run()
  return yield* channel.writable
})

/** A connection after its handshake. */
interface Greeted {
  readonly channel: MessageChannel.MessageChannel
  readonly hello: Protocol.Hello
  readonly welcome: Protocol.Welcome
  /** Returns the time of the last bytes, in milliseconds of the sweeper. */
  readonly lastReceivedAt: () => number
}

/** Serves a farm after its handshake, until it leaves or sends nothing for its lease. */
const serveFarm = Effect.fnUntraced(function* (
  { capacity, codec, emit, maxPacketBytes, pool, stats }: Shared,
  { channel, hello, lastReceivedAt, welcome }: Greeted,
  { id, sweeper }: TcpServer.ConnectionContext
) {
  channel.setLimits({ frameBytes: Protocol.frameLimitBytes.session, packetBytes: maxPacketBytes })
  const client = yield* pool.join(
    (outcomes) => {
      stats.packets += outcomes.length
      for (const outcome of outcomes) channel.send(OutcomeFrames.make(outcome, codec, maxPacketBytes))
    },
    (ids) => channel.send([Protocol.encodeUnsafe({ _tag: "Working", ids })])
  )
  const leaseExpired = Latch.makeUnsafe(false)
  const unwatch = sweeper.add((now) => {
    if (now - lastReceivedAt() > hello.lease) leaseExpired.openUnsafe()
  })
  stats.farms++
  emit(() => ({ _tag: "FarmJoined", id }))
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      unwatch()
      stats.farms--
      emit(() => ({ _tag: "FarmLeft", id }))
    })
  )
  channel.send([Protocol.encodeUnsafe(welcome)])
  const served: Served = { channel, client, codec, maxInFlight: capacity * pool.threads }
  const receiveNext = Effect.flatMap(channel.pull, (messages) => receive(messages, served))
  const receiving = Pull.catchDone(Effect.forever(receiveNext), () => Effect.void)
  const failOnTimeout = Effect.andThen(leaseExpired.await, Effect.fail(MessageChannel.timedOut(hello.lease)))
  yield* Effect.raceAllFirst([receiving, channel.flushing, failOnTimeout, Effect.asVoid(pool.allGone)])
}, Effect.scoped)

/**
 * Makes the part of a server that serves farms with this pool, and emits their events.
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
    maxPacketBytes = Protocol.defaultMaxPacketBytes
  } = options
  const stats = { farms: 0, packets: 0 }
  const shared: Shared = {
    ...{ pool, capacity, maxPacketBytes, emit, stats, codec: PayloadCodec.make(options.job) },
    auth: key === undefined ? undefined : yield* Auth.make(key),
    handshakeTimeoutMillis: Duration.toMillis(handshakeTimeout)
  }
  const farms: Farms = {
    handshakeTimeoutMillis: shared.handshakeTimeoutMillis,
    serve: (connection, context, rest) => {
      const { now } = context.sweeper
      let lastReceivedAt = now()
      const channel = MessageChannel.make(connection, rest, () => {
        lastReceivedAt = now()
      })
      const greeted = { channel, lastReceivedAt: () => lastReceivedAt }
      return handshake(shared, channel, connection).pipe(
        Effect.flatMap((greetings) =>
          Effect.withSpan(serveFarm(shared, { ...greeted, ...greetings }, context), "TcpWorkerServer.farm", {
            attributes: { lease: greetings.hello.lease }
          })
        ),
        Effect.tapError((error) => {
          if (error._tag !== "ProtocolError") return Effect.void
          emit(() => ({ _tag: "FarmRefused", id: context.id, message: error.message }))
          return sendRefusal(connection, error)
        })
      )
    },
    observe: (server) => ({
      ...server,
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
  const pool = yield* SharedWorkerPool.make((yield* options.workers).workers)
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
  new Protocol.ProtocolError({ reason: new Protocol.Malformed({ detail: "not a farm connection: bad magic" }) })
)
