/**
 * Relay (the course's intermediate delivery agent): forwards the packets of each subscriber to all others. It has no
 * key and does not decode packets, so signatures stay valid.
 *
 * A subscriber has to repeat a cookie that was sent to its address, so nobody can subscribe another host. Cookies are
 * made from a secret, the address and the time (as in RFC 9018), so the relay keeps no state for an address before it
 * is validated.
 *
 * **Example** (Forward packets on a simulated network)
 *
 * ```ts
 * import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
 * import * as Effect from "effect/Effect"
 * import * as Exit from "effect/Exit"
 * import { Simulation } from "effect-inet/simulation"
 * import { CoursePacket, Relay, RelayClient } from "effect-inet/status"
 *
 * const program = Simulation.run(Effect.fnUntraced(function* ({ host }) {
 *   const [server, a, b] = [yield* host("relay"), yield* host("a"), yield* host("b")]
 *   const relay = Relay.make({ host: "0.0.0.0" }).pipe(Effect.provide([server.layer, NodeCrypto.layerMac]))
 *   const { stats } = yield* relay
 *   const received: Array<string | undefined> = []
 *   const transport = RelayClient.make({ relay: server })
 *   const sender = yield* Effect.provide(transport(() => {}), a.layer)
 *   yield* Effect.provide(transport((bytes) => received.push(CoursePacket.decode(bytes)?.name)), b.layer)
 *   yield* Effect.sleep("1 second")
 *   yield* sender.send(yield* Effect.fromResult(CoursePacket.encode({ name: "bob", x: 40, y: 12 })))
 *   yield* Effect.sleep("1 second")
 *   return [(yield* stats).subscribers, ...received]
 * }))
 *
 * const { exit } = await Effect.runPromise(program)
 * exit // => Exit.succeed([2, "bob"])
 * ```
 */

import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import * as Layer from "effect/Layer"
import type * as NetAddress from "effect/net/NetAddress"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type * as Endpoint from "../../network/Endpoint.ts"
import * as Hmac from "../../network/Hmac.ts"
import * as Network from "../../network/Network.ts"
import * as ServerConfig from "../../network/ServerConfig.ts"
import * as ServerEvents from "../../network/ServerEvents.ts"
import * as Sweeper from "../../network/Sweeper.ts"
import * as StatusMetrics from "../StatusMetrics.ts"
import * as CoursePacket from "../wire/CoursePacket.ts"
import * as RelayMessage from "../wire/RelayMessage.ts"
import * as StatusPacket from "../wire/StatusPacket.ts"
import * as DestinationLog from "./DestinationLog.ts"
import * as Subscribers from "./Subscribers.ts"
import * as Transport from "./Transport.ts"

/** Options of a relay: address and limits. @category models @since 0.1.0 */
export interface Options {
  /** Local address, as an IP literal. Default 127.0.0.1, which only this machine reaches. */
  readonly host?: string | undefined
  /** Port; 0 requests an ephemeral port. Default 2066. */
  readonly port?: number | undefined
  /** Longest lease granted, at least 1 second. Default 1 hour; clients request 30 seconds by default. */
  readonly maxLease?: Duration.Input | undefined
  /** Largest number of subscribers; further requests are answered with `Full`. Default 1,024. */
  readonly maxSubscribers?: number | undefined
  /**
   * Largest number of subscribers of one IPv4 address or IPv6 /64, answered likewise. Default: a quarter of
   * `maxSubscribers`, at least 1.
   */
  readonly maxSubscribersPerAddress?: number | undefined
  /** Packets forwarded from each subscriber. Default 50. */
  readonly maxPacketsPerSecond?: number | undefined
  /** Secret from which cookies are made. Default: 32 random bytes at each start. */
  readonly secret?: Redacted.Redacted | undefined
  /** Requested size of the kernel's receive buffer in bytes; the kernel may grant less. Default 1 MiB. */
  readonly receiveBuffer?: number | undefined
  /** Name of the service in metrics. Default `status relay`. */
  readonly service?: string | undefined
}

/** Counters of a relay. @category models @since 0.1.0 */
export type Stats = StatusMetrics.RelayStats

/**
 * An event of a relay. `Granted`: a lease was granted or renewed. `Full`: a subscription was rejected, since the relay
 * was full. `Left`: a subscriber ended its lease.
 *
 * @category models
 * @since 0.1.0
 */
export type RelayEvent =
  | { readonly _tag: "Granted"; readonly subscriber: Endpoint.Endpoint; readonly leaseMillis: number }
  | { readonly _tag: "Full" | "Left"; readonly subscriber: Endpoint.Endpoint }

/** A running relay: its address, events and counters. @category models @since 0.1.0 */
export interface RelayAgent extends ServerEvents.Observable<RelayEvent, Stats> {
  readonly address: NetAddress.InetAddress
}

/** Service of a running relay. @category services @since 0.1.0 */
export class Relay extends Context.Service<Relay, RelayAgent>()("effect-inet/status/Relay") {}

/** Requests that may wait for the verification of their cookies. */
const maxQueuedRequests = 256

/** Epoch of cookies: a cookie is valid in its own epoch and the next. */
const cookieEpochMillis = 60_000

const minLeaseMillis = 1_000

const isStatus = (bytes: Uint8Array) => {
  if (bytes.length === CoursePacket.sizeBytes && bytes[0] !== 0) return true
  if (bytes.length <= RelayMessage.sizeBytes.control || bytes.length > StatusPacket.limits.packetBytes) return false
  return StatusPacket.isStatus(bytes)
}

const encoder = new TextEncoder()

const makeCookieHmac = Effect.fnUntraced(function* (secret: Redacted.Redacted | undefined) {
  const provided = secret === undefined ? undefined : yield* Hmac.make(secret)
  if (provided !== undefined) return provided
  const bytes = yield* Effect.flatMap(Hmac.random, (random) => random.randomBytes(32))
  return (yield* Hmac.make(Redacted.make(Base64.encode(bytes))))!
})

/** A request that waits for the verification of its cookie. */
interface Request {
  readonly from: Endpoint.Endpoint
  readonly lease: number
  readonly cookie: Uint8Array | undefined
}

/** Makes and verifies cookies, which are valid for an address in one epoch and the next. */
const makeCookies = Effect.fnUntraced(function* (secret: Redacted.Redacted | undefined, now: () => number) {
  const mac = yield* makeCookieHmac(secret)
  const inputOf = ({ address, port }: Endpoint.Endpoint, epoch: number) => encoder.encode(`${epoch} ${port} ${address}`)
  const epochNow = () => Math.floor(now() / cookieEpochMillis)
  const verify = Effect.fnUntraced(function* ({ cookie, from }: Request) {
    if (cookie === undefined) return false
    const epoch = epochNow()
    if (yield* mac.verify(cookie, inputOf(from, epoch))) return true
    return yield* mac.verify(cookie, inputOf(from, epoch - 1))
  })
  return { verify, sign: (from: Endpoint.Endpoint) => Effect.suspend(() => mac.sign(inputOf(from, epochNow()))) }
})

const noCounts = {
  received: 0,
  forwarded: 0,
  granted: 0,
  challenged: 0,
  full: 0,
  unsubscribed: 0,
  rateLimited: 0,
  malformed: 0,
  queueFull: 0
}

/**
 * Forwards status packets until the scope closes. A relay keeps no state that subscribers cannot renew with the next
 * one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options = {}
): Effect.fn.Return<RelayAgent, Network.NetworkError, Network.Network | Scope.Scope> {
  const { host = "127.0.0.1", maxLease = "1 hour", port = Transport.defaultPort } = options
  const network = yield* Network.Network
  const maxLeaseMillis = Duration.toMillis(maxLease)
  const sweeper = yield* Sweeper.make("1 second")
  const { now } = sweeper
  const cookies = yield* makeCookies(options.secret, now)
  const { maxSubscribers = 1_024 } = options
  const subscribers = Subscribers.make({
    maxSubscribers,
    maxSubscribersPerAddress: options.maxSubscribersPerAddress ?? Math.max(1, Math.floor(maxSubscribers / 4)),
    maxPacketsPerSecond: options.maxPacketsPerSecond ?? 50
  })
  const counts = { ...noCounts }
  const events = yield* ServerEvents.make<RelayEvent>()
  const requests = yield* Queue.dropping<Request>(maxQueuedRequests)
  const enqueue = (request: Request) => {
    if (!Queue.offerUnsafe(requests, request)) counts.queueFull++
  }
  const forward = (bytes: Uint8Array, from: Endpoint.Endpoint) => {
    const time = now()
    const origin = subscribers.admit(from, time)
    if (origin === "unsubscribed") {
      counts.unsubscribed++
      // A challenge, so that a subscriber learns of a restarted relay at once.
      return enqueue({ from, lease: 0, cookie: undefined })
    }
    if (origin === "rateLimited") return void counts.rateLimited++
    const message = RelayMessage.forwardedMessage(origin.header, bytes)
    subscribers.forEach(time, (other) => {
      if (other === origin) return
      counts.forwarded++
      socket.sendUnsafe(message, other.endpoint)
    })
  }
  const receive = (bytes: Uint8Array, from: Endpoint.Endpoint) => {
    counts.received++
    if (isStatus(bytes)) return forward(bytes, from)
    const message = RelayMessage.decode(bytes)
    if (message?._tag === "Subscribe") return enqueue({ from, lease: message.lease, cookie: message.cookie })
    if (message?._tag !== "Leave" || !subscribers.leave(from, message.cookie, now())) return void counts.malformed++
    events.emit(() => ({ _tag: "Left", subscriber: from }))
  }
  const receiveBuffer = options.receiveBuffer ?? DestinationLog.defaultReceiveBufferBytes
  const socket: Network.UdpSocket = yield* network.udp({ host, port, receiveBuffer }, receive)

  const reply = Effect.fnUntraced(function* (request: Request) {
    const { cookie, from, lease } = request
    const send = (message: RelayMessage.ControlMessage) => socket.sendUnsafe(RelayMessage.encode(message), from)
    if (cookie === undefined || !(yield* cookies.verify(request))) {
      counts.challenged++
      const newCookie = yield* cookies.sign(from)
      return send({ _tag: "Challenge", lease: subscribers.remainingMillis(from, now()), cookie: newCookie })
    }
    const leaseMillis = Math.max(minLeaseMillis, Math.min(lease, maxLeaseMillis))
    const isGranted = subscribers.grant(from, cookie, leaseMillis, now())
    counts[isGranted ? "granted" : "full"]++
    events.emit(() =>
      isGranted ? { _tag: "Granted", subscriber: from, leaseMillis } : { _tag: "Full", subscriber: from }
    )
    send(isGranted ? { _tag: "Granted", lease: leaseMillis, cookie } : { _tag: "Full", lease: 0, cookie })
  }, Effect.withSpan("Relay.request"))
  yield* Effect.forkScoped(Effect.forever(Effect.flatMap(Queue.take(requests), reply)))
  sweeper.add(() => subscribers.sweep(now()))
  const metrics = StatusMetrics.ofRelay(options.service ?? "status relay", yield* Effect.context<never>())
  yield* Effect.addFinalizer(() => Effect.sync(metrics.clear))
  const stats = Effect.map(socket.dropped, (dropped) => {
    const stats: Stats = { ...counts, subscribers: subscribers.count(now()), dropped }
    metrics.publish(stats)
    return stats
  })
  // Keeps the metrics current between two reads of the stats.
  yield* Effect.forkScoped(Effect.forever(Effect.delay(stats, "1 second")))
  return { address: socket.local, ...ServerEvents.observable(events.events, stats) }
})

/** Layer of `make`. @category layers @since 0.1.0 */
export const layer = (options: Options = {}) => Layer.effect(Relay, make(options))

/**
 * Layer of `make` with the address from STATUS_HOST and STATUS_PORT; `defaults` has the other options.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (defaults: Options = {}) => {
  const address = Config.all({
    host: Config.withDefault(Config.String(ServerConfig.variable("status", "host")), defaults.host),
    port: Config.withDefault(ServerConfig.port("status"), defaults.port)
  })
  return Layer.effect(
    Relay,
    Effect.flatMap(address, (address) => make({ ...defaults, ...address }))
  )
}
