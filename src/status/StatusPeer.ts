/**
 * A cluster member: announces its own status and tracks the status of the others, without a server.
 *
 * **Example** (Track the peers of an app, on a simulated network)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Exit from "effect/Exit"
 * import * as Schema from "effect/Schema"
 * import { Simulation } from "effect-inet/simulation"
 * import { StatusPeer } from "effect-inet/status"
 *
 * const schema = Schema.Struct({ jobs: Schema.Int })
 *
 * const program = Simulation.run(Effect.fnUntraced(function* ({ host }) {
 *   const [first, second] = [yield* host("first"), yield* host("second")]
 *   const options = { schema, payload: { jobs: 0 } }
 *   const peer = yield* Effect.provide(StatusPeer.make({ ...options, name: "worker-1" }), first.layer)
 *   const other = yield* Effect.provide(StatusPeer.make({ ...options, name: "worker-2" }), second.layer)
 *   yield* other.publish({ jobs: 3 })
 *   yield* Effect.sleep("1 second")
 *   return (yield* peer.peers.get).map(({ name, payload, state }) => [name, state, payload?.jobs])
 * }))
 *
 * const { exit } = await Effect.runPromise(program)
 * exit // => Exit.succeed([["worker-1", "alive", 0], ["worker-2", "alive", 3]])
 * ```
 */
import * as Config from "effect/Config"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as Random from "effect/Random"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Hmac from "../network/Hmac.ts"
import * as Monotonic from "../network/Monotonic.ts"
import type * as Network from "../network/Network.ts"
import * as ServerConfig from "../network/ServerConfig.ts"
import * as ServerEvents from "../network/ServerEvents.ts"
import * as Identity from "./Identity.ts"
import * as PeerTable from "./membership/PeerTable.ts"
import type { Change, Heartbeat, Peer } from "./Peer.ts"
import { StatusError } from "./StatusError.ts"
import * as StatusMetrics from "./StatusMetrics.ts"
import * as Subscribable from "./Subscribable.ts"
import * as Broadcast from "./transport/Broadcast.ts"
import * as Transport from "./transport/Transport.ts"
import * as HeartbeatEncoder from "./wire/HeartbeatEncoder.ts"
import * as HeartbeatReceiver from "./wire/HeartbeatReceiver.ts"
import * as StatusPacket from "./wire/StatusPacket.ts"

/** Options of a peer: identity, payload, transport and timing. @category models @since 0.1.0 */
export interface Options<A> extends Omit<PeerTable.Options<A>, "decode" | "self" | "tickPeriod"> {
  /** Name that others see: 1 to 63 bytes of UTF-8. Two peers of one host need different names. */
  readonly name: string
  /** Schema of the payload, which is encoded as JSON of at most 1,198 bytes. */
  readonly schema: Schema.Codec<A, unknown>
  /** Initial payload, sent until `publish` replaces it. */
  readonly payload: A
  /** Transport of the packets. Default `Broadcast.make()`. */
  readonly transport?: Transport.OpenTransport | undefined
  /** Name of the cluster, 0 to 63 bytes of UTF-8. Packets of other clusters are rejected. Default "". */
  readonly cluster?: string | undefined
  /** Key shared by all peers: packets are signed (HMAC-SHA256), and others are rejected. Default: no key. */
  readonly key?: Redacted.Redacted | undefined
  /** Largest accepted difference between the clocks of sender and receiver of a signed packet. Default 30 seconds. */
  readonly replayWindow?: Duration.Input | undefined
  /** Longest time between two packets, 10 milliseconds to 1 hour. Default 1 second. */
  readonly interval?: Duration.Input | undefined
  /**
   * Schedule of the packets, made from the announced interval: a longer delay looks like a lost packet. When it ends,
   * only changed payloads are sent. Default: 0.9 to 1 interval, at random.
   */
  readonly schedule?: ((interval: Effect.Effect<Duration.Duration>) => Schedule.Schedule<unknown>) | undefined
  /** Shortest time between the last packet and a packet for a changed payload. Default 100 milliseconds. */
  readonly minInterval?: Duration.Input | undefined
  /**
   * Id of the peer, 16 hexadecimal digits. Default: a hash of its name and the hardware address, so that the id
   * survives restarts.
   */
  readonly id?: string | undefined
  /** Receives without sending, so that no other peer sees this one. Default false. */
  readonly listenOnly?: boolean | undefined
  /** Conversion of the course's packets from payloads, and with `send` also to payloads, to send such packets. */
  readonly course?: HeartbeatEncoder.CourseFormat<A> | undefined
  /** Name of the service in metrics. Default `status`. */
  readonly service?: string | undefined
}

/** Counters of a peer. @category models @since 0.1.0 */
export type Stats = StatusMetrics.PeerStats

/** Time to send a new payload: at once, or with the next regular packet. @category models @since 0.1.0 */
export type PublishTiming = "immediately" | "withNext"

/** A running peer. `events` are all changes of all peers. @category models @since 0.1.0 */
export interface StatusPeer<in out A> extends ServerEvents.Observable<Change<A>, Stats> {
  readonly id: string
  /** Description of the transport, for people. */
  readonly label: string
  /**
   * All peers by name, this one included, with ages as of the moment of the read. Subscribers receive the current
   * table, then a new one after each change and once an interval.
   */
  readonly peers: Subscribable.Subscribable<ReadonlyArray<Peer<A>>>
  /** Replaces the payload and sends it, by default at once. Fails if the payload does not fit into a packet. */
  readonly publish: (payload: A, when?: PublishTiming) => Effect.Effect<void, StatusError>
}

/** Shortest time between two updates of the table's subscribers. */
const minRefreshMillis = 50

/** Checks of the table in one interval. */
const ticksPerInterval = 4

/** Waits 0.9 to 1 interval at random, so that peers that started together do not stay synchronized. */
const jittered = (interval: Effect.Effect<Duration.Duration>) =>
  Schedule.modifyDelay(Schedule.forever, () =>
    Effect.zipWith(interval, Random.next, (interval, random) => Duration.times(interval, 0.9 + 0.1 * random))
  )

/** The table of a peer that runs, its changes and its subscribers. */
const makeTable = Effect.fnUntraced(function* <A>(
  options: PeerTable.Options<A>,
  intervalMillis: number,
  now: () => number
) {
  let table = PeerTable.make<A>({ ...options, tickPeriod: intervalMillis / ticksPerInterval }, now())
  const changes = yield* ServerEvents.make<Change<A>>()
  const peers = yield* Subscribable.make(() => PeerTable.peers(table, now()))
  const peersChanged = Latch.makeUnsafe(false)
  let counts: StatusMetrics.PeerCounts | undefined

  /** Runs for every packet, so it uses no effects and publishes nothing if nothing has changed. */
  const apply = ([next, happened]: PeerTable.Step<A>) => {
    table = next
    if (happened.length === 0) return
    counts = undefined
    for (const change of happened) changes.emit(() => change)
    peersChanged.openUnsafe()
  }
  const tick = Effect.sync(() => apply(PeerTable.tick(table, now())))
  // Subscribers may display the ages.
  const oneInterval = Effect.andThen(
    Effect.repeat(Effect.delay(tick, intervalMillis / ticksPerInterval), { times: ticksPerInterval - 1 }),
    peersChanged.open
  )
  const publishChanged = peersChanged.await.pipe(
    Effect.andThen(peersChanged.close),
    Effect.andThen(peers.notify),
    Effect.andThen(Effect.sleep(minRefreshMillis))
  )
  return {
    peers,
    changes: changes.events,
    /** Returns the numbers of other peers. They are counted again only after a change. */
    counts: () => (counts ??= PeerTable.countOthers(table)),
    /** Publishes the table, and refreshes it until the scope closes. `everyInterval` runs after each interval. */
    start: Effect.fnUntraced(function* (everyInterval: Effect.Effect<unknown>) {
      yield* Effect.andThen(peersChanged.close, peers.notify)
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(oneInterval, everyInterval)))
      yield* Effect.forkScoped(Effect.forever(publishChanged))
    }),
    receive: (heartbeat: Heartbeat) => apply(PeerTable.receive(table, heartbeat, now()))
  }
})

/** Parts of a peer that sends heartbeats. */
interface Sending<A> extends Pick<Options<A>, "schedule" | "minInterval"> {
  readonly encoder: HeartbeatEncoder.HeartbeatEncoder<A>
  readonly transport: Transport.Transport
  readonly intervalMillis: number
  readonly now: () => number
  /** Receives each sent heartbeat, for the own table. */
  readonly onSent: (heartbeat: Heartbeat) => void
}

/** Sends heartbeats until the scope closes, and then a goodbye. Returns the effect that sends a changed payload. */
const sendHeartbeats = Effect.fnUntraced(function* <A>(options: Sending<A>) {
  const { encoder, intervalMillis, now, onSent, transport } = options
  const minIntervalMillis = Duration.toMillis(options.minInterval ?? "100 millis")
  const from = { address: NetAddress.formatHost(transport.local), port: transport.local.port }
  const effectiveInterval = () =>
    Math.min(Math.ceil(transport.effectiveInterval(intervalMillis)), StatusPacket.limits.intervalMillis.max)
  const payloadChanged = Latch.makeUnsafe(false)
  const sendLock = Semaphore.makeUnsafe(1)
  let sentAt = now()
  /** Sends one packet at a time, so that packets keep their order although signing takes time. Never fails. */
  const send = (goodbye: boolean) =>
    Effect.suspend(() => {
      sentAt = now()
      payloadChanged.closeUnsafe()
      return encoder.nextPacket(effectiveInterval(), goodbye)
    }).pipe(
      Effect.tap(({ heartbeat }) => Effect.sync(() => onSent({ ...heartbeat, from }))),
      Effect.flatMap(({ bytes }) => transport.send(bytes)),
      Effect.withSpan("StatusPeer.packet", { attributes: { goodbye } }),
      sendLock.withPermit,
      Effect.catchDefect((defect) => Effect.logError("sending a status packet failed", defect))
    )
  /** Sends a changed payload, unless a regular packet has already carried it. */
  const sendChange = Effect.flatMap(payloadChanged.await, () => {
    const wait = Math.ceil(sentAt + minIntervalMillis - now())
    return wait > 0 ? Effect.sleep(wait) : send(false)
  })
  /** Delays count from the start of the last send, so that the time to send belongs to the interval. */
  const schedule = Schedule.modifyDelay(
    (options.schedule ?? jittered)(Effect.sync(() => Duration.millis(effectiveInterval()))),
    ({ duration }) => Effect.sync(() => Duration.millis(Math.max(0, sentAt + Duration.toMillis(duration) - now())))
  )
  if (encoder.sendsGoodbye) yield* Effect.addFinalizer(() => send(true))
  yield* send(false)
  yield* Effect.forkScoped(Effect.schedule(send(false), schedule))
  yield* Effect.forkScoped(Effect.forever(sendChange))
  return payloadChanged.open
})

/**
 * Joins the cluster: sends until the scope closes, then sends a goodbye. Fails with `StatusError` for an invalid option
 * or payload, and with `NetworkError` if the transport cannot be opened.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* <A>(
  options: Options<A>
): Effect.fn.Return<StatusPeer<A>, StatusError | Network.NetworkError, Network.Network | Scope.Scope> {
  const { cluster = "", course } = options
  const intervalMillis = Duration.toMillis(options.interval ?? "1 second")
  const replayWindowMillis = Duration.toMillis(options.replayWindow ?? "30 seconds")
  const time = yield* Monotonic.millis
  /** Whole milliseconds, which V8 stores without allocation. */
  const now = () => Math.floor(time())
  const key = options.key === undefined ? undefined : yield* Hmac.make(options.key)
  if (options.key !== undefined && key === undefined) {
    return yield* new StatusError({
      reason: "InvalidOption",
      message: "invalid key: it is empty; give at least one character"
    })
  }
  const identity = yield* Identity.make({ ...options, course: course?.send === true })
  const self = options.listenOnly === true ? undefined : identity
  const encoder = yield* HeartbeatEncoder.make({ ...options, cluster, identity, key, interval: intervalMillis })

  const counts = { accepted: 0, invalidPayloads: 0 }
  const decode: typeof encoder.decode = (payload, dialect) => {
    const decoded = encoder.decode(payload, dialect)
    if (Result.isFailure(decoded)) counts.invalidPayloads++
    return decoded
  }
  const table = yield* makeTable({ ...options, decode, self: self?.id }, intervalMillis, now)
  const acceptCourse = course !== undefined && key === undefined
  const receiver = yield* HeartbeatReceiver.make({ cluster, key, replayWindowMillis, self, acceptCourse })
  const accept = (heartbeat: Heartbeat | undefined) => {
    if (heartbeat === undefined) return
    counts.accepted++
    table.receive(heartbeat)
  }
  if (key !== undefined) yield* Effect.forkScoped(Effect.forever(Effect.map(receiver.nextVerified, accept)))
  const transport = yield* (options.transport ?? Broadcast.make())((bytes, from) =>
    accept(receiver.receive(bytes, from))
  )
  const sendNow =
    self === undefined
      ? Effect.void
      : yield* sendHeartbeats({ ...options, encoder, transport, intervalMillis, now, onSent: table.receive })
  const metrics = StatusMetrics.ofPeer(options.service ?? "status", yield* Effect.context<never>())
  yield* Effect.addFinalizer(() => Effect.sync(metrics.clear))
  const stats = Effect.map(transport.stats, (sending) => {
    const stats: Stats = { ...sending, ...counts, rejected: receiver.rejected() }
    metrics.publish(stats, table.counts())
    return stats
  })
  yield* table.start(stats)
  return {
    id: identity.id,
    label: transport.label,
    peers: table.peers,
    publish: (payload, when = "immediately") =>
      Effect.andThen(encoder.publish(payload), when === "immediately" ? sendNow : Effect.void),
    ...ServerEvents.observable(table.changes, stats)
  }
})

/**
 * Layer of `make`, for a service of the app: each payload type has a service of its own.
 *
 * **Example** (Provide a peer to an app, on a simulated network)
 *
 * ```ts
 * import * as Context from "effect/Context"
 * import * as Effect from "effect/Effect"
 * import * as Exit from "effect/Exit"
 * import * as Layer from "effect/Layer"
 * import * as Schema from "effect/Schema"
 * import { Simulation } from "effect-inet/simulation"
 * import { StatusPeer } from "effect-inet/status"
 *
 * const Load = Schema.Struct({ jobs: Schema.Int })
 *
 * class Presence extends Context.Service<Presence, StatusPeer.StatusPeer<typeof Load.Type>>()("app/Presence") {}
 *
 * const app = Effect.gen(function* () {
 *   const status = yield* Presence
 *   yield* status.publish({ jobs: 2 }, "withNext")
 *   yield* Effect.sleep("2 seconds")
 *   return (yield* status.peers.get).map(({ payload }) => payload?.jobs)
 * })
 *
 * const program = Simulation.run(Effect.fnUntraced(function* ({ host }) {
 *   const presence = StatusPeer.layer(Presence, { name: "worker", schema: Load, payload: { jobs: 0 } })
 *   return yield* Effect.provide(app, Layer.provide(presence, (yield* host("worker")).layer))
 * }))
 *
 * const { exit } = await Effect.runPromise(program)
 * exit // => Exit.succeed([2])
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <Self, A>(service: Context.Key<Self, StatusPeer<A>>, options: Options<A>) =>
  Layer.effect(service, make(options))

/** Creates the config of the options that have an environment variable of `effect-inet status`, such as STATUS_KEY. */
const configOf = <A>(defaults: Options<A>): Config.Config<Options<A>> => {
  const variable = (option: string) => ServerConfig.variable("status", option)
  const missed = (option: string) => ServerConfig.integer("status", option, 1, 1_000)
  const variables = Config.all({
    cluster: Config.withDefault(Config.String(variable("cluster")), defaults.cluster),
    key: Config.withDefault(Config.Redacted(variable("key")), defaults.key),
    interval: Config.withDefault(ServerConfig.duration("status", "interval"), defaults.interval),
    suspectAfter: Config.withDefault(missed("suspect-after"), defaults.suspectAfter),
    downAfter: Config.withDefault(missed("down-after"), defaults.downAfter),
    listenOnly: Config.withDefault(Config.Boolean(variable("listen")), defaults.listenOnly),
    port: Config.withDefault(ServerConfig.integer("status", "port", 1, 65_535), Transport.defaultPort)
  })
  return Config.map(variables, ({ port, ...options }) => ({
    ...defaults,
    ...options,
    transport: defaults.transport ?? Broadcast.make({ port })
  }))
}

/**
 * Layer of `make` with options from the environment variables of `effect-inet status`: cluster, key, interval,
 * thresholds, STATUS_LISTEN, and the port of the default transport. `defaults` has the other options.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = <Self, A>(service: Context.Key<Self, StatusPeer<A>>, defaults: Options<A>) =>
  Layer.effect(service, Effect.flatMap(configOf(defaults), make))
