/** Transport through a relay, which forwards each packet to all other subscribers. `Relay` has an example. */

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
import * as RelaySubscription from "./RelaySubscription.ts"
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

    let subscription = RelaySubscription.initial
    let lastPacket: Uint8Array | undefined
    const replies = yield* Queue.sliding<RelayMessage.ControlMessage>(8)
    const receiveReply = (message: RelayMessage.ControlMessage) => {
      const accepted = RelaySubscription.accept(subscription, message)
      if (accepted === undefined) return
      subscription = accepted
      Queue.offerUnsafe(replies, message)
    }
    const receiveDatagram = (bytes: Uint8Array, from: Endpoint.Endpoint) => {
      if (from.port !== relayPort || Endpoint.withoutZone(from.address) !== literal) return
      const message = RelayMessage.decode(bytes)
      if (message?._tag === "Forwarded") receive(message.packet, message.origin)
      else if (message !== undefined) receiveReply(message)
    }
    const receiveBuffer = options.receiveBuffer ?? DestinationLog.defaultReceiveBufferBytes
    const socket: Network.UdpSocket = yield* network.udp(
      { host, port: options.port ?? 0, receiveBuffer },
      receiveDatagram
    )
    const sendControl = (_tag: "Subscribe" | "Leave") =>
      Effect.suspend(() =>
        Effect.ignore(socket.send(RelayMessage.encode({ _tag, lease, cookie: subscription.cookie }), relay))
      )
    const perform = (action: RelaySubscription.Action) => {
      if (action._tag === "Subscribe") return sendControl("Subscribe")
      if (action._tag === "Report") return log.report(name, action.problem)
      return lastPacket === undefined ? Effect.void : Effect.ignore(socket.send(lastPacket, relay))
    }
    const handle = Effect.fnUntraced(function* (event: RelaySubscription.Event) {
      const [next, actions] = RelaySubscription.step(subscription, event, lease)
      subscription = next
      yield* Effect.forEach(actions, perform, { discard: true })
      const jitteredMillis = next.waitMillis * (0.8 + 0.2 * (yield* Random.next))
      const reply = yield* Effect.timeoutOption(Queue.take(replies), jitteredMillis)
      const result: RelaySubscription.Event = Option.isSome(reply)
        ? { _tag: "Reply", message: reply.value }
        : { _tag: "Timeout" }
      return result
    })
    const keepSubscribed = Effect.gen(function* () {
      let event: RelaySubscription.Event = { _tag: "Timeout" }
      while (true) event = yield* handle(event)
    })
    yield* Effect.forkScoped(keepSubscribed)
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => (subscription.isSubscribed ? sendControl("Leave") : Effect.void))
    )

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
