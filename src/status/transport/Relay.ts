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
  readonly rate?: number | undefined
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
  readonly strangers: number
  /** Packets of those who send too many. */
  readonly limited: number
  /** What a relay cannot understand, or is not there for. */
  readonly malformed: number
  /** Requests that came while too many others waited. */
  readonly busy: number
  /** Datagrams for which the kernel had no room; undefined where the platform does not tell. */
  readonly dropped: number | undefined
}

/** A running relay. @category models @since 0.1.0 */
export interface Agent {
  readonly address: NetAddress.InetAddress
  readonly stats: Effect.Effect<Stats>
}

/** A running relay. @category services @since 0.1.0 */
export class Relay extends Context.Service<Relay, Agent>()("effect-inet/status/Relay") {}

/** Requests that wait for their cookies to be looked at. */
const waiting = 256

/** A cookie is good for one to two of these: milliseconds. */
const epoch = 60_000

const leastLease = 1_000

const isStatus = (bytes: Uint8Array) => {
  if (bytes.length === CoursePacket.size && bytes[0] !== 0) return true
  if (bytes.length <= RelayMessage.sizes.control || bytes.length > StatusPacket.limits.packet) return false
  return StatusPacket.isStatus(bytes)
}

const encoder = new TextEncoder()

const cookieMaker = Effect.fnUntraced(function* (secret: Redacted.Redacted | undefined) {
  const given = secret === undefined ? undefined : yield* Hmac.make(secret)
  if (given !== undefined) return given
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
): Effect.fn.Return<Agent, Network.NetworkError, Network.Network | Scope.Scope> {
  const { host = "127.0.0.1", maxLease = "1 hour", port = Transport.defaultPort } = options
  const network = yield* Network.Network
  const mac = yield* cookieMaker(options.secret)
  const longest = Duration.toMillis(maxLease)
  const sweeper = yield* Sweeper.make("1 second")
  const { now } = sweeper
  const subscribers = Subscribers.make({ most: options.maxSubscribers ?? 1_024, rate: options.rate ?? 50 })
  const counts = {
    received: 0,
    forwarded: 0,
    granted: 0,
    challenged: 0,
    full: 0,
    strangers: 0,
    limited: 0,
    malformed: 0,
    busy: 0
  }

  type Request = { readonly from: Endpoint.Endpoint; readonly lease: number; readonly cookie: Uint8Array | undefined }
  const requests = yield* Queue.dropping<Request>(waiting)
  const ask = (request: Request) => {
    if (!Queue.offerUnsafe(requests, request)) counts.busy++
  }
  const forward = (bytes: Uint8Array, from: Endpoint.Endpoint) => {
    const time = now()
    const origin = subscribers.take(from, time)
    if (origin === "stranger") {
      counts.strangers++
      // So that whoever takes itself for a subscriber hears of a restart at once.
      return ask({ from, lease: 0, cookie: undefined })
    }
    if (origin === "limited") return void counts.limited++
    const message = RelayMessage.wrap(origin.header, bytes)
    subscribers.each(time, (other) => {
      if (other === origin) return
      counts.forwarded++
      socket.sendUnsafe(message, other.peer)
    })
  }
  const hear = (bytes: Uint8Array, from: Endpoint.Endpoint) => {
    counts.received++
    if (isStatus(bytes)) return forward(bytes, from)
    const message = RelayMessage.decode(bytes)
    if (message?._tag === "Subscribe") return ask({ from, lease: message.lease, cookie: message.cookie })
    if (message?._tag !== "Leave" || !subscribers.leave(from, message.cookie, now())) counts.malformed++
  }
  const receiveBuffer = options.receiveBuffer ?? DestinationLog.defaultBuffer
  const socket: Network.UdpSocket = yield* network.udp({ host, port, receiveBuffer }, hear)

  const covered = ({ address, port }: Endpoint.Endpoint, time: number) => encoder.encode(`${time} ${port} ${address}`)
  const answer = Effect.fnUntraced(function* ({ cookie, from, lease }: Request) {
    const say = (message: RelayMessage.Control) => socket.sendUnsafe(RelayMessage.encode(message), from)
    const time = Math.floor(now() / epoch)
    const isRight =
      cookie !== undefined &&
      ((yield* mac.verify(cookie, covered(from, time))) || (yield* mac.verify(cookie, covered(from, time - 1))))
    if (!isRight) {
      counts.challenged++
      return say({ _tag: "Challenge", lease: 0, cookie: yield* mac.sign(covered(from, time)) })
    }
    const granted = Math.max(leastLease, Math.min(lease, longest))
    if (!subscribers.grant(from, cookie, granted, now())) {
      counts.full++
      return say({ _tag: "Full", lease: 0, cookie })
    }
    counts.granted++
    say({ _tag: "Granted", lease: granted, cookie })
  })
  yield* Effect.forkScoped(Effect.forever(Effect.flatMap(Queue.take(requests), answer)))
  sweeper.add(() => subscribers.sweep(now()))
  return {
    address: socket.local,
    stats: Effect.map(socket.dropped, (dropped) => ({ ...counts, subscribers: subscribers.count(now()), dropped }))
  }
})

/** @category layers @since 0.1.0 */
export const layer = (options: Options = {}) => Layer.effect(Relay, make(options))
