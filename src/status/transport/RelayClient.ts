/** The way through a relay: packets go to it, and it passes on those of all others who have subscribed. */

import * as Bytes from "effect/Bytes"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as Endpoint from "../../network/Endpoint.ts"
import * as Network from "../../network/Network.ts"
import * as RelayMessage from "../wire/RelayMessage.ts"
import * as DestinationLog from "./DestinationLog.ts"
import * as Transport from "./Transport.ts"

/** @category models @since 0.1.0 */
export interface Options extends Pick<Transport.Options, "receiveBuffer"> {
  /** Where the relay is, as an IP literal; its port is 2066 unless said. Nobody else is listened to. */
  readonly relay: { readonly address: string; readonly port?: number | undefined }
  /** How long the relay remembers us if it hears no more; renewed after a third of it. Default 30 seconds. */
  readonly lease?: Duration.Input | undefined
  /** Where to listen, as an IP literal. Default 0.0.0.0 or `::`, as the relay's family is. */
  readonly host?: string | undefined
  /** Our own port. Default 0, an ephemeral one. */
  readonly port?: number | undefined
}

/** How long an answer is waited for, at first and at most: milliseconds. */
const retryMillis = { initial: 500, max: 5_000 }

/** Challenges that are answered in a row, and questions without an answer after which people are told. */
const maxConsecutive = { challenges: 3, unanswered: 3 }

/**
 * Subscribes to a relay, for as long as the scope is open, and sends to it. A relay that cannot be reached, has no room
 * or has been started anew is asked again and again, at least every 5 seconds. What was sent in between is sent again,
 * if it is the last, once the relay hears us.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Transport.OpenTransport =>
  Effect.fnUntraced(function* (receive) {
    const { address, port: relayPort = Transport.defaultPort } = options.relay
    const parsed = NetAddress.ipFromString(Endpoint.withoutZone(address))
    if (Result.isFailure(parsed)) {
      return yield* new Network.NetworkError({
        reason: "InvalidAddress",
        cause: new Error(`${address} is no IP address of a relay, such as 192.0.2.7`)
      })
    }
    const network = yield* Network.Network
    const relay = { address, port: relayPort }
    const literal = NetAddress.formatIp(parsed.success)
    const host = options.host ?? (NetAddress.isIpv4Address(parsed.success) ? "0.0.0.0" : "::")
    const lease = Duration.toMillis(options.lease ?? "30 seconds")
    const name = `relay ${address} port ${relayPort}`
    const log = DestinationLog.make()

    let cookie = RelayMessage.zeroCookie
    let isSubscribed = false
    let lastPacket: Uint8Array | undefined
    let challenges = 0
    const replies = yield* Queue.sliding<RelayMessage.ControlMessage>(8)
    const isExpectedReply = (message: RelayMessage.ControlMessage) =>
      message._tag === "Challenge"
        ? challenges++ < maxConsecutive.challenges
        : Bytes.Equivalence(message.cookie, cookie)
    const receiveDatagram = (bytes: Uint8Array, from: Endpoint.Endpoint) => {
      if (from.port !== relayPort || Endpoint.withoutZone(from.address) !== literal) return
      const message = RelayMessage.decode(bytes)
      if (message?._tag === "Forwarded") receive(message.packet, message.origin)
      else if (message !== undefined && isExpectedReply(message)) Queue.offerUnsafe(replies, message)
    }
    const receiveBuffer = options.receiveBuffer ?? DestinationLog.defaultReceiveBufferBytes
    const socket: Network.UdpSocket = yield* network.udp(
      { host, port: options.port ?? 0, receiveBuffer },
      receiveDatagram
    )
    const sendControl = (_tag: "Subscribe" | "Leave") =>
      Effect.suspend(() => Effect.ignore(socket.send(RelayMessage.encode({ _tag, lease, cookie }), relay)))

    let nextRetryMillis = retryMillis.initial
    let unanswered = 0
    /** Takes an answer, or its absence; gives whether to ask now, and how long to wait then: milliseconds. */
    const handleReply = Effect.fnUntraced(function* (reply: RelayMessage.ControlMessage | undefined) {
      if (reply === undefined) {
        challenges = 0
        if (++unanswered > maxConsecutive.unanswered) {
          isSubscribed = false
          yield* log.report(name, "it does not answer")
        }
        const waitMillis = nextRetryMillis
        nextRetryMillis = Math.min(2 * nextRetryMillis, retryMillis.max)
        return { resend: true, waitMillis }
      }
      if (reply._tag === "Challenge") {
        cookie = reply.cookie
        isSubscribed = false
        return { resend: true, waitMillis: retryMillis.initial }
      }
      challenges = 0
      unanswered = 0
      if (reply._tag === "Full") {
        isSubscribed = false
        yield* log.report(name, "it has no room for another subscriber")
        return { resend: false, waitMillis: retryMillis.max }
      }
      nextRetryMillis = retryMillis.initial
      yield* log.report(name, undefined)
      if (!isSubscribed && lastPacket !== undefined) yield* Effect.ignore(socket.send(lastPacket, relay))
      isSubscribed = true
      return { resend: false, waitMillis: Math.min(reply.lease, lease) / 3 }
    })
    const keepSubscribed = Effect.gen(function* () {
      let next = yield* handleReply(undefined)
      while (true) {
        if (next.resend) yield* sendControl("Subscribe")
        const jittered = next.waitMillis * (0.8 + 0.2 * (yield* Random.next))
        next = yield* handleReply(Option.getOrUndefined(yield* Effect.timeoutOption(Queue.take(replies), jittered)))
      }
    })
    yield* Effect.forkScoped(keepSubscribed)
    yield* Effect.addFinalizer(() => Effect.suspend(() => (isSubscribed ? sendControl("Leave") : Effect.void)))

    return {
      label: name,
      local: socket.local,
      send: (bytes) =>
        Effect.suspend(() => {
          lastPacket = bytes
          return Effect.asVoid(log.trySend(`sending to ${name}`, socket.send(bytes, relay)))
        }),
      effectiveInterval: (interval) => interval,
      stats: log.stats([socket])
    }
  })
