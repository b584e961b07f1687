/**
 * A server of prime counts on port 1070, for farms and for the course's client. The first eight bytes distinguish them:
 * a farm's preamble, read as a range, begins below zero and ends before it begins, which the course's client never
 * sends.
 *
 * The workers of a pool count, normally threads, so that this process stays responsive.
 */
import * as Bytes from "effect/Bytes"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import * as SharedWorkerPool from "../farm/tcp/SharedWorkerPool.ts"
import * as TcpWorkerServer from "../farm/tcp/TcpWorkerServer.ts"
import * as MessageChannel from "../farm/tcp/wire/MessageChannel.ts"
import * as Protocol from "../farm/tcp/wire/Protocol.ts"
import type { TaskOutcome } from "../farm/Worker.ts"
import type { Connection } from "../network/Network.ts"
import * as ServerConfig from "../network/ServerConfig.ts"
import * as ServerEvents from "../network/ServerEvents.ts"
import * as TcpServer from "../network/TcpServer.ts"
import * as CourseProtocol from "./CourseProtocol.ts"
import * as Kernels from "./Kernels.ts"
import * as PrimeJob from "./PrimeJob.ts"
import * as PrimeMetrics from "./PrimeMetrics.ts"

/** The port of the course's server; IANA has not assigned one. @category constants @since 0.1.0 */
export const defaultPort = 1070

/** The options of a server: the port is 1070 by default. @category models @since 0.1.0 */
export type Options = TcpServer.Options &
  Omit<TcpWorkerServer.ServeOptions, "unitsOf"> &
  Pick<TcpWorkerServer.Options, "workers"> & {
    /**
     * The counts that the course's client receives: `exact`, or those of the `course`, which include 0 and 1. Farms
     * always receive exact counts. Default `exact`.
     */
    readonly dialect?: "exact" | "course" | undefined
    /** The kernel that counts for the course's client. Default: the fastest. */
    readonly kernel?: Kernels.Name | undefined
  }

/** A request of the course's client was answered. `id` is that of its connection. @category models @since 0.1.0 */
export interface Counted {
  readonly _tag: "Counted"
  readonly id: number
  readonly range: CourseProtocol.Request
  readonly count: number
}

/** Event of a server. @category models @since 0.1.0 */
export type Event = TcpWorkerServer.Event | Counted

/** A running server. @category models @since 0.1.0 */
export type Server = TcpWorkerServer.Server<Counted>

/** The service of a running server. @category services @since 0.1.0 */
export class PrimeServer extends Context.Service<PrimeServer, Server>()("effect-inet/primes/PrimeServer") {}

/** A range that could not be counted. @category errors @since 0.1.0 */
export class PrimeServerError extends Data.TaggedError("PrimeServerError")<{ readonly message: string }> {}

/** Requests of one client that are counted at a time; its responses keep the order. */
const maxConcurrentRequests = 16

/** Numbers in a packet: a small limit, so that a large range of one client does not delay the others. */
const maxPacketUnits = 1 << 26

const packetsOf = ({ max, min }: CourseProtocol.Request, kernel: Kernels.Name): ReadonlyArray<PrimeJob.Packet> => {
  const start = Math.max(0, min)
  return Array.from({ length: Math.max(0, Math.ceil((max - start) / maxPacketUnits)) }, (_, index) => {
    const from = start + index * maxPacketUnits
    return { from, to: Math.min(max, from + maxPacketUnits), kernel }
  })
}

/** Returns the numbers in a packet of any client. */
const numbersIn = (packet: unknown): number => {
  const { from, to } = (packet ?? {}) as Partial<Record<keyof PrimeJob.Packet, unknown>>
  return typeof from === "number" && typeof to === "number" && to > from ? to - from : 0
}

/** Joins the pool; returns a function that counts a packet. */
const makeCounter = Effect.fnUntraced(function* (pool: SharedWorkerPool.SharedWorkerPool, title: string) {
  const waiting = new Map<number, (count: Effect.Effect<number, PrimeServerError>) => void>()
  let nextId = 0
  const resultOf = (outcome: TaskOutcome) => {
    if (outcome._tag === "Done") return Effect.succeed(Number(outcome.result))
    return Effect.fail(new PrimeServerError({ message: outcome._tag === "Failed" ? outcome.error.message : "stopped" }))
  }
  const onOutcomes = (outcomes: ReadonlyArray<TaskOutcome>) => {
    for (const outcome of outcomes) {
      waiting.get(outcome.id)?.(resultOf(outcome))
      waiting.delete(outcome.id)
    }
  }
  const poolClient = yield* pool.join({ onOutcomes }, title, numbersIn)
  return (packet: PrimeJob.Packet) =>
    Effect.callback<number, PrimeServerError>((resume) => {
      const id = nextId++
      waiting.set(id, resume)
      poolClient.run([{ id, packet }])
      return Effect.sync(() => {
        waiting.delete(id)
        poolClient.cancel([id])
      })
    })
})

/** Serves one client of the course; `initialBytes` have been read already. */
const serveCourse = Effect.fnUntraced(function* (
  pool: SharedWorkerPool.SharedWorkerPool,
  connection: Connection,
  data: TcpServer.ConnectionContext["data"],
  initialBytes: Uint8Array,
  { dialect = "exact", kernel = Kernels.fastest }: Options,
  onCounted: (range: CourseProtocol.Request, count: number) => void
) {
  const client = NetAddress.formatSocketAddress(connection.remote)
  const count = yield* makeCounter(pool, `primes for ${client}, in the course's protocol`)
  const decoder = CourseProtocol.requestDecoder()
  data.count = 0
  /** Decodes complete requests: only they prolong the idle time of the client. */
  const decode = (bytes: Uint8Array) => {
    const requests = decoder.push(bytes)
    data.count! += requests.length
    return requests
  }
  const isCourse = dialect === "course"
  const log = isCourse ? Effect.logInfo : Effect.logDebug

  const respond = Effect.fnUntraced(
    function* (request: CourseProtocol.Request) {
      const counts = yield* Effect.forEach(packetsOf(request, kernel), count, { concurrency: "unbounded" })
      const sum = counts.reduce((all, one) => all + one, isCourse ? CourseProtocol.overcount(request) : 0)
      yield* log(CourseProtocol.format(request, sum))
      onCounted(request, sum)
      return CourseProtocol.encodeResponse(sum)
    },
    (responded, request) => Effect.withSpan(responded, "PrimeServer.request", { attributes: { ...request } })
  )
  yield* Stream.make(initialBytes).pipe(
    Stream.concat(Stream.fromPull(Effect.succeed(Effect.map(connection.pull, (bytes) => [bytes] as const)))),
    Stream.flatMap((bytes) => Stream.fromIterable(decode(bytes))),
    Stream.mapEffect(respond, { concurrency: maxConcurrentRequests }),
    Stream.runForEach((bytes) => connection.write(bytes))
  )
}, Effect.scoped)

const isPreamble = (bytes: Uint8Array) => bytes.every((byte, at) => byte === Protocol.preamble[at])

/**
 * Listens and serves until the scope closes. With a key the course's client is refused, because its protocol has no
 * authentication. Fails with `FarmError` if the workers cannot be started, `NetworkError` if the server cannot listen.
 *
 * **Example** (Asking for the primes below 1,000 in the course's protocol)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as NetAddress from "effect/net/NetAddress"
 * import { NodeThreadWorkers } from "effect-inet/farm"
 * import { Network, NodeServices } from "effect-inet/network"
 * import { CourseProtocol, PrimeJob, PrimeServer } from "effect-inet/primes"
 *
 * const program = Effect.gen(function* () {
 *   const workers = NodeThreadWorkers.make({ module: PrimeJob.module, threads: 1 })
 *   const server = yield* PrimeServer.make({ port: 0, workers })
 *   const network = yield* Network.Network
 *   const connection = yield* network.connect(server.address)
 *   yield* connection.write(CourseProtocol.encodeRequest({ min: 0, max: 1_000 }))
 *   return CourseProtocol.responseDecoder().push(yield* connection.pull)
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NodeServices.layer))) // => [168]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options) {
  const service = options.service ?? "primes"
  const metrics = PrimeMetrics.make(service, yield* Effect.context<never>())
  yield* Effect.addFinalizer(() => Effect.sync(metrics.clear))
  const { joining, workers } = yield* options.workers
  const pool = yield* SharedWorkerPool.make({
    workers: workers.map(metrics.observe),
    joining: Stream.map(joining, metrics.observe)
  })
  const events = yield* ServerEvents.make<Event>()
  const farms = yield* TcpWorkerServer.makeFarms(
    pool,
    { ...options, job: PrimeJob.job, unitsOf: numbersIn },
    events.emit
  )
  const server = yield* TcpServer.make(
    { ...options, service },
    Effect.fnUntraced(
      function* (connection: Connection, client: TcpServer.ConnectionContext) {
        const headBytes = Protocol.preamble.length
        const { head, rest } = yield* MessageChannel.readHead(connection, headBytes, farms.handshakeTimeoutMillis)
        if (isPreamble(head)) return yield* farms.serve(connection, client, rest)
        if (options.key !== undefined) {
          return yield* new PrimeServerError({ message: "authentication required: the client's protocol has none" })
        }
        const first = Bytes.concat([head, rest])
        const served = serveCourse(pool, connection, client.data, first, options, (range, count) => {
          metrics.countRange()
          events.emit(() => ({ _tag: "Counted", id: client.id, range, count }))
        })
        return yield* Effect.raceFirst(served, Effect.asVoid(pool.allGone))
      },
      Pull.catchDone(() => Effect.void)
    ),
    events
  )
  const observed = farms.observe<Counted>(server)
  const stats = Effect.tap(observed.stats, ({ farms }) => Effect.sync(() => metrics.publish(farms)))
  // Keeps the metrics current between two reads of the stats.
  yield* Effect.forkScoped(Effect.forever(Effect.delay(stats, "1 second")))
  const result: Server = { ...observed, ...ServerEvents.observable(observed.events, stats) }
  return result
})

/** Layer of a server that runs as long as the layer is in use. @category layers @since 0.1.0 */
export const layer = (options: Options) => Layer.effect(PrimeServer, make(options))

/**
 * Layer of a server with the options of the environment, such as PRIMES_PORT and PRIMES_KEY, else those of `defaults`.
 * The port is 1070 by default.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (defaults: ServerConfig.Defaults<Options> & Pick<Options, "workers">) =>
  Layer.unwrap(
    Config.map(
      Config.all({
        tcp: ServerConfig.tcp("primes", { port: defaultPort, ...defaults }),
        dialect: Config.withDefault(
          Config.Literals(["exact", "course"], ServerConfig.variable("primes", "dialect")),
          defaults.dialect
        ),
        kernel: Config.withDefault(
          Config.Literals(Kernels.names, ServerConfig.variable("primes", "kernel")),
          defaults.kernel
        ),
        key: Config.withDefault(Config.Redacted(ServerConfig.variable("primes", "key")), defaults.key)
      }),
      ({ tcp, ...own }) => layer({ ...tcp, ...own })
    )
  )
