/**
 * The intermediate delivery agent: peers send to it, and it passes on what they send to all others who have subscribed.
 * It has no key and reads nothing: what peers have signed stays as it is.
 *
 * Whoever subscribes has to repeat a cookie that was sent to its address first, so nobody is made to hear what he has
 * not asked for. Cookies are made from a secret, the address and the time (as those of RFC 9018 are), so that before
 * somebody is known to have an address, nothing of him is kept.
 */

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
import * as Sweeper from "../../network/Sweeper.ts"
import * as CoursePacket from "../wire/CoursePacket.ts"
import * as RelayMessage from "../wire/RelayMessage.ts"
import * as StatusPacket from "../wire/StatusPacket.ts"
import * as DestinationLog from "./DestinationLog.ts"
import * as Subscribers from "./Subscribers.ts"
import * as Transport from "./Transport.ts"

/** Where to listen and what to allow. @category models @since 0.1.0 */
export interface Options {
  /** An IP literal. Default 127.0.0.1: the network is let in only when asked for. */
  readonly host?: string | undefined
  /** Default 2066; 0 asks for an ephemeral port. */
  readonly port?: number | undefined
  /** The longest lease that is granted, at least a second. Default 1 hour; clients ask for 30 seconds unless told. */
  readonly maxLease?: Duration.Input | undefined
  /** Subscribers at a time; who comes later is refused until there is room. Default 1,024. */
  readonly maxSubscribers?: number | undefined
  /** Packets a second that are passed on from each subscriber. Default 50. */
  readonly maxPacketsPerSecond?: number | undefined
  /** What cookies are made from. Default: 32 random bytes, new at each start. */
  readonly secret?: Redacted.Redacted | undefined
  /** Bytes the kernel is asked to hold for datagrams not yet taken. Default 1 MiB; it may grant less. */
  readonly receiveBuffer?: number | undefined
}

/** What a relay has done so far, in datagrams. @category models @since 0.1.0 */
export interface Stats {
  /** Whose leases run. */
  readonly subscribers: number
  /** All that came. */
  readonly received: number
  /** Copies that were sent on. */
  readonly forwarded: number
  /** Leases that were granted or renewed. */
  readonly granted: number
  /** Those who have been sent a cookie. */
  readonly challenged: number
  /** Subscriptions for which there was no room. */
  readonly full: number
  /** Packets of those who have not subscribed. */
  readonly unsubscribed: number
  /** Packets of those who send too many. */
  readonly rateLimited: number
  /** What a relay cannot understand, or is not there for. */
  readonly malformed: number
  /** Requests that came while too many others waited. */
  readonly queueFull: number
  /** Datagrams for which the kernel had no room; undefined where the platform does not tell. */
  readonly dropped: number | undefined
}

/** A running relay. @category models @since 0.1.0 */
export interface RelayAgent {
  readonly address: NetAddress.InetAddress
  readonly stats: Effect.Effect<Stats>
}

/** A running relay. @category services @since 0.1.0 */
export class Relay extends Context.Service<Relay, RelayAgent>()("effect-inet/status/Relay") {}

/** Requests that wait for their cookies to be looked at. */
const maxQueuedRequests = 256

/** A cookie is good for one to two of these: milliseconds. */
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

/**
 * Passes on status packets until the scope closes: nothing is lost by closing that the next relay does not get anew.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options = {}
): Effect.fn.Return<RelayAgent, Network.NetworkError, Network.Network | Scope.Scope> {
  const { host = "127.0.0.1", maxLease = "1 hour", port = Transport.defaultPort } = options
  const network = yield* Network.Network
  const mac = yield* makeCookieHmac(options.secret)
  const maxLeaseMillis = Duration.toMillis(maxLease)
  const sweeper = yield* Sweeper.make("1 second")
  const { now } = sweeper
  const subscribers = Subscribers.make({
    maxSubscribers: options.maxSubscribers ?? 1_024,
    maxPacketsPerSecond: options.maxPacketsPerSecond ?? 50
  })
  const counts = {
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

  type Request = { readonly from: Endpoint.Endpoint; readonly lease: number; readonly cookie: Uint8Array | undefined }
  const requests = yield* Queue.dropping<Request>(maxQueuedRequests)
  const enqueue = (request: Request) => {
    if (!Queue.offerUnsafe(requests, request)) counts.queueFull++
  }
  const forward = (bytes: Uint8Array, from: Endpoint.Endpoint) => {
    const time = now()
    const origin = subscribers.admit(from, time)
    if (origin === "unsubscribed") {
      counts.unsubscribed++
      // So that whoever takes itself for a subscriber hears of a restart at once.
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
    if (message?._tag !== "Leave" || !subscribers.leave(from, message.cookie, now())) counts.malformed++
  }
  const receiveBuffer = options.receiveBuffer ?? DestinationLog.defaultReceiveBufferBytes
  const socket: Network.UdpSocket = yield* network.udp({ host, port, receiveBuffer }, receive)

  const cookieInput = ({ address, port }: Endpoint.Endpoint, epoch: number) =>
    encoder.encode(`${epoch} ${port} ${address}`)
  const reply = Effect.fnUntraced(function* ({ cookie, from, lease }: Request) {
    const send = (message: RelayMessage.ControlMessage) => socket.sendUnsafe(RelayMessage.encode(message), from)
    const time = Math.floor(now() / cookieEpochMillis)
    const isValid =
      cookie !== undefined &&
      ((yield* mac.verify(cookie, cookieInput(from, time))) || (yield* mac.verify(cookie, cookieInput(from, time - 1))))
    if (!isValid) {
      counts.challenged++
      return send({ _tag: "Challenge", lease: 0, cookie: yield* mac.sign(cookieInput(from, time)) })
    }
    const granted = Math.max(minLeaseMillis, Math.min(lease, maxLeaseMillis))
    if (!subscribers.grant(from, cookie, granted, now())) {
      counts.full++
      return send({ _tag: "Full", lease: 0, cookie })
    }
    counts.granted++
    send({ _tag: "Granted", lease: granted, cookie })
  })
  yield* Effect.forkScoped(Effect.forever(Effect.flatMap(Queue.take(requests), reply)))
  sweeper.add(() => subscribers.sweep(now()))
  return {
    address: socket.local,
    stats: Effect.map(socket.dropped, (dropped) => ({ ...counts, subscribers: subscribers.count(now()), dropped }))
  }
})

/** @category layers @since 0.1.0 */
export const layer = (options: Options = {}) => Layer.effect(Relay, make(options))
