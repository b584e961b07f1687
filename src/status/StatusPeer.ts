/**
 * One who says how it is, and knows how the others are: a peer among peers, with no server.
 *
 * ```ts
 * const Load = Schema.Struct({ jobs: Schema.Int })
 * const Presence = StatusPeer.layer({ name: "worker-7", schema: Load, payload: { jobs: 0 } })
 * const program = Effect.gen(function* () {
 *   const status = yield* StatusPeer.service<typeof Load.Type>()
 *   yield* status.publish({ jobs: 3 })
 *   yield* Stream.runForEach(status.changes, ({ _tag, peer }) => Console.log(_tag, peer.name, peer.payload))
 * })
 * ```
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as PubSub from "effect/PubSub"
import * as Random from "effect/Random"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as Hmac from "../network/Hmac.ts"
import * as Monotonic from "../network/Monotonic.ts"
import type * as Network from "../network/Network.ts"
import * as Identity from "./Identity.ts"
import * as PeerTable from "./membership/PeerTable.ts"
import type { Change, Heartbeat, Peer } from "./Peer.ts"
import { StatusError } from "./StatusError.ts"
import * as Broadcast from "./transport/Broadcast.ts"
import type * as Transport from "./transport/Transport.ts"
import * as HeartbeatReceiver from "./wire/HeartbeatReceiver.ts"
import * as HeartbeatSender from "./wire/HeartbeatSender.ts"
import * as StatusPacket from "./wire/StatusPacket.ts"

/** Who one is, what one says, and how. @category models @since 0.1.0 */
export interface Options<A> extends Omit<PeerTable.Options<A>, "decode" | "self" | "period"> {
  /** 1 to 63 bytes of UTF-8: what others see. Two peers of one host want two names. */
  readonly name: string
  /** What a payload is; encoded as JSON of at most 1,198 bytes. */
  readonly schema: Schema.Codec<A, unknown>
  /** What is said until `publish` says something else. */
  readonly payload: A
  /** How packets travel. Default `Broadcast.make()`. */
  readonly transport?: Transport.OpenTransport | undefined
  /** Peers of other clusters are not heard. Default "". */
  readonly cluster?: string | undefined
  /** With a key packets are signed, and only those signed with it are heard. Default: none. */
  readonly key?: Redacted.Redacted | undefined
  /** How far the clocks of signed packets may be from ours. Default 30 seconds. */
  readonly replayWindow?: Duration.Input | undefined
  /** Between two packets, at most; 10 ms to an hour. Default 1 second. */
  readonly interval?: Duration.Input | undefined
  /**
   * When packets are sent, given the interval that was promised: no later than that, or others find us late. After one
   * that ends only changes are told. Default after 0.9 to 1 of it, at random.
   */
  readonly schedule?: ((interval: Effect.Effect<Duration.Duration>) => Schedule.Schedule<unknown>) | undefined
  /** A change is told at once, but not sooner than this after the last packet. Default 100 ms. */
  readonly minInterval?: Duration.Input | undefined
  /** 16 hexadecimal digits. Default: made from the name and the host's hardware address, so that restarts are seen. */
  readonly id?: string | undefined
  /** Whether it only hears, and says nothing: no other peer knows of it. Default false. */
  readonly listenOnly?: boolean | undefined
  /** The course's packets: what they mean as a payload; and with `send` the other way round, to write such packets. */
  readonly course?: HeartbeatSender.CourseFormat<A> | undefined
}

/** What was heard, and was not. @category models @since 0.1.0 */
export interface Stats extends Transport.Stats {
  /** Packets that were right. */
  readonly accepted: number
  /** Datagrams that were not taken, and why. */
  readonly rejected: Readonly<Partial<Record<HeartbeatReceiver.Rejection, number>>>
  /** Payloads that are not of the schema; their peers are kept. */
  readonly invalidPayloads: number
}

/** `now`, or with the `next` packet that is sent anyway. @category models @since 0.1.0 */
export type PublishTiming = "immediately" | "withNext"

/** A running peer. @category models @since 0.1.0 */
export interface StatusPeer<in out A> {
  readonly id: string
  /** How its packets travel, for people. */
  readonly label: string
  /**
   * All peers, oneself included, by name: with the ages of the moment where it is read. Who subscribes gets them as of
   * the last change, then after each change and once an interval. Only to be read.
   */
  readonly peers: SubscriptionRef.SubscriptionRef<ReadonlyArray<Peer<A>>>
  /** All that happens from now on; who is slow to listen misses the oldest of more than 1,024. */
  readonly changes: Stream.Stream<Change<A>>
  /** Says something else from now on, at once as a rule. Fails for a payload that does not fit into a packet. */
  readonly publish: (payload: A, when?: PublishTiming) => Effect.Effect<void, StatusError>
  readonly stats: Effect.Effect<Stats>
}

/** The service of an app whose payloads are of type `A`. @category services @since 0.1.0 */
export const service = <A>() => Context.Service<StatusPeer<A>>("effect-inet/status/StatusPeer")

/** The table is shown as often as this while much changes: milliseconds. */
const minRefreshMillis = 50

/** Looks at the table, in an interval. */
const ticksPerInterval = 4

/** Changes that wait for whoever is slow to listen. */
const maxBufferedChanges = 1_024

/** After 0.9 to 1 of the interval, so that peers that started together do not go on together. */
const jittered = (interval: Effect.Effect<Duration.Duration>) =>
  Schedule.modifyDelay(Schedule.forever, () =>
    Effect.zipWith(interval, Random.next, (interval, random) => Duration.times(interval, 0.9 + 0.1 * random))
  )

/** A hub that never waits for anybody, and lets nobody who is slow hold more than so much. */
const slidingPubSub = <A>(options: { readonly capacity: number; readonly replay?: number | undefined }) =>
  Effect.acquireRelease(PubSub.sliding<A>(options), PubSub.shutdown)

/** Without an effect; the oldest makes room for the newest. */
const publishUnsafe = <A>(pubsub: PubSub.PubSub<A>, value: A) => {
  if (PubSub.publishUnsafe(pubsub, value)) return
  pubsub.pubsub.slide()
  PubSub.publishUnsafe(pubsub, value)
}

/**
 * A reference to what `read` gives at the time, so that ages are right whenever it is read. Subscribers see the newest
 * one next, however many they have missed.
 */
const makePeersRef = Effect.fnUntraced(function* <A>(read: () => ReadonlyArray<Peer<A>>) {
  const pubsub = yield* slidingPubSub<ReadonlyArray<Peer<A>>>({ capacity: 1, replay: 1 })
  const ref = yield* SubscriptionRef.make<ReadonlyArray<Peer<A>>>([])
  return Object.defineProperties(ref, { pubsub: { value: pubsub }, value: { get: read } })
})

/**
 * Joins: sends until the scope closes, and says goodbye then. Fails for options that make no sense, and if the
 * transport cannot be opened.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* <A>(
  options: Options<A>
): Effect.fn.Return<StatusPeer<A>, StatusError | Network.NetworkError, Network.Network | Scope.Scope> {
  const { cluster = "", course } = options
  const intervalMillis = Duration.toMillis(options.interval ?? "1 second")
  const minIntervalMillis = Duration.toMillis(options.minInterval ?? "100 millis")
  const replayWindowMillis = Duration.toMillis(options.replayWindow ?? "30 seconds")
  const time = yield* Monotonic.millis
  /** Whole milliseconds: such numbers take no memory of their own. */
  const now = () => Math.floor(time())
  const key = options.key === undefined ? undefined : yield* Hmac.make(options.key)
  if (options.key !== undefined && key === undefined) {
    return yield* new StatusError({ reason: "InvalidOption", message: "the key is empty: give at least one character" })
  }
  const identity = yield* Identity.make({ ...options, course: course?.send === true })
  const isSending = options.listenOnly !== true
  const sender = yield* HeartbeatSender.make({ ...options, cluster, identity, key, interval: intervalMillis })

  let [accepted, invalidPayloads] = [0, 0]
  const decode: typeof sender.decode = (payload, dialect) => {
    const decoded = sender.decode(payload, dialect)
    if (Result.isFailure(decoded)) invalidPayloads++
    return decoded
  }
  let table = PeerTable.make<A>(
    { ...options, decode, self: isSending ? identity.id : undefined, tickPeriod: intervalMillis / ticksPerInterval },
    now()
  )
  const peers = yield* makePeersRef(() => PeerTable.peers(table, now()))
  const changes = yield* slidingPubSub<Change<A>>({ capacity: maxBufferedChanges })
  const peersChanged = Latch.makeUnsafe(false)

  /** Runs for every packet: without an effect, and without telling anybody of what is as it was. */
  const step = ([next, happened]: PeerTable.Step<A>) => {
    table = next
    if (happened.length === 0) return
    for (const change of happened) publishUnsafe(changes, change)
    peersChanged.openUnsafe()
  }
  const receiveHeartbeat = (heartbeat: Heartbeat) => {
    accepted++
    step(PeerTable.receive(table, heartbeat, now()))
  }
  const acceptsCourse = course !== undefined && key === undefined
  const receiver = yield* HeartbeatReceiver.make(
    { cluster, key, replayWindowMillis, self: isSending ? identity : undefined, acceptCourse: acceptsCourse },
    receiveHeartbeat
  )
  const transport = yield* (options.transport ?? Broadcast.make())(receiver.receive)

  const ownEndpoint = { address: NetAddress.formatHost(transport.local), port: transport.local.port }
  const effectiveInterval = () =>
    Math.min(Math.ceil(transport.effectiveInterval(intervalMillis)), StatusPacket.limits.intervalMillis.max)
  const payloadChanged = Latch.makeUnsafe(false)
  const sendLock = Semaphore.makeUnsafe(1)
  let sentAt = now()
  /** One at a time, so that packets leave in their order, however long a signature takes. Never fails. */
  const send = (goodbye: boolean) =>
    Effect.suspend(() => {
      sentAt = now()
      payloadChanged.closeUnsafe()
      return sender.nextPacket(effectiveInterval(), goodbye)
    }).pipe(
      Effect.tap(({ heartbeat }) =>
        Effect.sync(() => step(PeerTable.receive(table, { ...heartbeat, from: ownEndpoint }, now())))
      ),
      Effect.flatMap(({ bytes }) => transport.send(bytes)),
      sendLock.withPermit,
      Effect.catchDefect((defect) => Effect.logError("a status packet could not be sent", defect))
    )

  /** A change that was told with the next packet anyway is not told again. */
  const sendChange = Effect.flatMap(payloadChanged.await, () => {
    const wait = Math.ceil(sentAt + minIntervalMillis - now())
    return wait > 0 ? Effect.sleep(wait) : send(false)
  })
  /** Counted from when the last packet was begun: the time it takes to be sent belongs to the interval. */
  const schedule = Schedule.modifyDelay(
    (options.schedule ?? jittered)(Effect.sync(() => Duration.millis(effectiveInterval()))),
    ({ duration }) => Effect.sync(() => Duration.millis(Math.max(0, sentAt + Duration.toMillis(duration) - now())))
  )
  const publishPeers = Effect.sync(() => {
    peersChanged.closeUnsafe()
    publishUnsafe(peers.pubsub, peers.value)
  })
  const tick = Effect.sync(() => step(PeerTable.tick(table, now())))
  /** Somebody may be looking at the ages. */
  const refreshAges = Effect.sync(() => {
    if (peers.pubsub.subscribers.size > 0) peersChanged.openUnsafe()
  })
  const everyInterval = Effect.andThen(
    Effect.repeat(Effect.delay(tick, intervalMillis / ticksPerInterval), { times: ticksPerInterval - 1 }),
    refreshAges
  )

  if (isSending) {
    if (sender.sendsGoodbye) yield* Effect.addFinalizer(() => send(true))
    yield* send(false)
    yield* Effect.forkScoped(Effect.schedule(send(false), schedule))
    yield* Effect.forkScoped(Effect.forever(sendChange))
  }
  yield* publishPeers
  yield* Effect.forkScoped(Effect.forever(everyInterval))
  yield* Effect.forkScoped(
    Effect.forever(
      peersChanged.await.pipe(Effect.andThen(publishPeers), Effect.andThen(Effect.sleep(minRefreshMillis)))
    )
  )
  return {
    id: identity.id,
    label: transport.label,
    peers,
    changes: Stream.fromPubSub(changes),
    publish: (payload, when = "immediately") =>
      Effect.andThen(sender.publish(payload), when === "immediately" ? payloadChanged.open : Effect.void),
    stats: Effect.map(transport.stats, (stats) => ({
      ...stats,
      accepted,
      rejected: receiver.rejected(),
      invalidPayloads
    }))
  }
})

/** @category layers @since 0.1.0 */
export const layer = <A>(options: Options<A>) => Layer.effect(service<A>(), make(options))
