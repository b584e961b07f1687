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
const patience = { first: 500, most: 5_000 }

/** Challenges that are answered in a row, and questions without an answer after which people are told. */
const limits = { challenges: 3, unanswered: 3 }

/**
 * Subscribes to a relay, for as long as the scope is open, and sends to it. A relay that cannot be reached, has no room
 * or has been started anew is asked again and again, at least every 5 seconds. What was sent in between is sent again,
 * if it is the last, once the relay hears us.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Transport.Open =>
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
    const record = DestinationLog.make()

    let cookie = RelayMessage.noCookie
    let isSubscribed = false
    let last: Uint8Array | undefined
    let challenges = 0
    const replies = yield* Queue.sliding<RelayMessage.Control>(8)
    const isAnswer = (message: RelayMessage.Control) =>
      message._tag === "Challenge" ? challenges++ < limits.challenges : Bytes.Equivalence(message.cookie, cookie)
    const hear = (bytes: Uint8Array, from: Endpoint.Endpoint) => {
      if (from.port !== relayPort || Endpoint.withoutZone(from.address) !== literal) return
      const message = RelayMessage.decode(bytes)
      if (message?._tag === "Forwarded") receive(message.packet, message.origin)
      else if (message !== undefined && isAnswer(message)) Queue.offerUnsafe(replies, message)
    }
    const receiveBuffer = options.receiveBuffer ?? DestinationLog.defaultBuffer
    const socket: Network.UdpSocket = yield* network.udp({ host, port: options.port ?? 0, receiveBuffer }, hear)
    const tell = (_tag: "Subscribe" | "Leave") =>
      Effect.suspend(() => Effect.ignore(socket.send(RelayMessage.encode({ _tag, lease, cookie }), relay)))

    let wait = patience.first
    let unanswered = 0
    /** Takes an answer, or its absence; gives whether to ask now, and how long to wait then: milliseconds. */
    const react = Effect.fnUntraced(function* (reply: RelayMessage.Control | undefined) {
      if (reply === undefined) {
        challenges = 0
        if (++unanswered > limits.unanswered) {
          isSubscribed = false
          yield* record.tell(name, "it does not answer")
        }
        const now = wait
        wait = Math.min(2 * wait, patience.most)
        return { ask: true, wait: now }
      }
      if (reply._tag === "Challenge") {
        cookie = reply.cookie
        isSubscribed = false
        return { ask: true, wait: patience.first }
      }
      challenges = 0
      unanswered = 0
      if (reply._tag === "Full") {
        isSubscribed = false
        yield* record.tell(name, "it has no room for another subscriber")
        return { ask: false, wait: patience.most }
      }
      wait = patience.first
      yield* record.tell(name, undefined)
      if (!isSubscribed && last !== undefined) yield* Effect.ignore(socket.send(last, relay))
      isSubscribed = true
      return { ask: false, wait: Math.min(reply.lease, lease) / 3 }
    })
    const subscribing = Effect.gen(function* () {
      let next = yield* react(undefined)
      while (true) {
        if (next.ask) yield* tell("Subscribe")
        const jittered = next.wait * (0.8 + 0.2 * (yield* Random.next))
        next = yield* react(Option.getOrUndefined(yield* Effect.timeoutOption(Queue.take(replies), jittered)))
      }
    })
    yield* Effect.forkScoped(subscribing)
    yield* Effect.addFinalizer(() => Effect.suspend(() => (isSubscribed ? tell("Leave") : Effect.void)))

    return {
      label: name,
      local: socket.local,
      send: (bytes) =>
        Effect.suspend(() => {
          last = bytes
          return Effect.asVoid(record.post(`sending to ${name}`, socket.send(bytes, relay)))
        }),
      pace: (interval) => interval,
      stats: record.stats([socket])
    }
  })
