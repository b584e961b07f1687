/** Transport through a relay, which forwards each packet to all other subscribers. `Relay` has an example. */

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

/** Options of the transport. @category models @since 0.1.0 */
export interface Options extends Pick<Transport.Options, "receiveBuffer"> {
  /**
   * Address of the relay, as an IP literal, and its port, by default 2066. Datagrams from other sources are ignored.
   */
  readonly relay: { readonly address: string; readonly port?: number | undefined }
  /** Lease of the subscription, renewed after a third of it. Default 30 seconds. */
  readonly lease?: Duration.Input | undefined
  /** Local address, as an IP literal. Default 0.0.0.0 or `::`, by the family of the relay. */
  readonly host?: string | undefined
  /** Local port. Default 0, an ephemeral port. */
  readonly port?: number | undefined
}

/** Timeout of a request, at first and at most; it doubles after each timeout. */
const retryMillis = { initial: 500, max: 5_000 }

/** Consecutive challenges that are answered, and unanswered requests before a warning is logged. */
const maxConsecutive = { challenges: 3, unanswered: 3 }

/**
 * Makes a transport that subscribes to a relay until the scope closes. A relay that is unreachable, full or restarted
 * is asked again at least every 5 seconds. The last packet is sent again after each new subscription, since it may have
 * been lost. Fails with `InvalidAddress` if the relay's address is not an IP literal.
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
        cause: new Error(`${address} is not the IP address of a relay, such as 192.0.2.7`)
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
    /**
     * Handles a reply or, if undefined, a timeout. Returns if the request is to be sent again, and the time to wait
     * then.
     */
    const handleReply = Effect.fnUntraced(function* (reply: RelayMessage.ControlMessage | undefined) {
      if (reply === undefined) {
        challenges = 0
        if (++unanswered > maxConsecutive.unanswered) {
          isSubscribed = false
          yield* log.report(name, "no reply")
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
        yield* log.report(name, "the relay is full")
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
