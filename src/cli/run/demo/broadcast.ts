/**
 * Demonstration of broadcast sockets: a send without `SO_BROADCAST` fails, and one with it reaches all sockets of the
 * port.
 */

import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Queue from "effect/Queue"
import type * as Endpoint from "../../../network/Endpoint.ts"
import * as Network from "../../../network/Network.ts"
import * as Broadcast from "../../../status/transport/Broadcast.ts"
import * as network from "../common/network.ts"

/** Broadcast address of this machine, as 255.255.255.255 is that of a network. */
const allOnMachine = Broadcast.loopback

const text = "Hello, everybody"

const message = new TextEncoder().encode(text)

/** A received datagram and its receiving socket. */
interface Received {
  readonly socket: string
  readonly from: Endpoint.Endpoint
  readonly text: string
}

/** Returns the platform's error code, such as `EACCES`. */
const codeOf = (error: Network.NetworkError | undefined) => (error?.cause as { readonly code?: string })?.code

/** Returns the error of an effect, if it fails. With faults on the network it may succeed. */
const errorOf = <A, R>(effect: Effect.Effect<A, Network.NetworkError, R>) =>
  Effect.match(effect, { onFailure: (error) => error, onSuccess: () => undefined })

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

/** Collects `count` datagrams. With faults on the network some do not arrive, so it stops after a second. */
const collect = Effect.fnUntraced(function* (received: Queue.Dequeue<Received>, count: number) {
  const found: Array<Received> = []
  const next = Effect.map(Queue.take(received), (one) => found.push(one))
  yield* Effect.timeoutOption(Effect.repeat(next, { times: count - 1 }), "1 second")
  return found.toSorted((one, other) => (one.socket < other.socket ? -1 : 1))
})

const overUdp = Effect.gen(function* () {
  const network = yield* Network.Network
  const received = yield* Queue.unbounded<Received>()
  const options = { host: "0.0.0.0", reuseAddress: true, broadcast: true }
  const open = (socket: string, port: number) =>
    network.udp({ ...options, port }, (bytes, from) =>
      Queue.offerUnsafe(received, { socket, from: { address: from.address, port: from.port }, text: decode(bytes) })
    )
  const sender = yield* open("socket 1, the sender", 0)
  const { port } = sender.local
  yield* open("socket 2", port)
  yield* open("socket 3", port)
  const withoutBroadcast = yield* network.udp({ host: "0.0.0.0" }, () => {})
  const to = { address: allOnMachine, port }
  const refused = yield* errorOf(withoutBroadcast.send(message, to))
  yield* sender.send(message, to)
  return { port, refused, heard: yield* collect(received, 3) }
}).pipe(Effect.scoped)

const overTcp = Effect.fnUntraced(function* (port: number) {
  const network = yield* Network.Network
  return yield* errorOf(network.connect(NetAddress.inetAddressFromIpStringUnsafe(allOnMachine, port)))
}, Effect.scoped)

/** Networks of this host, with their broadcast addresses. */
const networks = Effect.gen(function* () {
  const interfaces = yield* (yield* Network.Network).interfaces
  return interfaces.flatMap(({ broadcast, loopback, name }) =>
    loopback || broadcast === undefined ? [] : [{ name, broadcast: NetAddress.formatIp(broadcast) }]
  )
})

const plural = (count: number) => (count === 1 ? "1 socket" : `${count} sockets`)

const failure = (error: Network.NetworkError | undefined) =>
  error === undefined ? "no error" : [codeOf(error), error.message].filter(Boolean).join(": ")

export const broadcast = Effect.fnUntraced(function* ({ json }: { readonly json: boolean }) {
  const { heard, port, refused } = yield* overUdp
  const tcp = yield* overTcp(port)
  const directed = yield* networks
  if (json) {
    return yield* Console.log(
      JSON.stringify({
        to: { address: allOnMachine, port },
        without: { reason: refused?.reason, code: codeOf(refused) },
        heard,
        tcp: { reason: tcp?.reason, code: codeOf(tcp) },
        networks: directed
      })
    )
  }
  yield* Console.log(`One datagram to ${allOnMachine} port ${port}, to which three sockets are bound\n`)
  yield* Console.log(`without SO_BROADCAST  ${failure(refused)}`)
  yield* Console.log(`with SO_BROADCAST     sent once, received by ${plural(heard.length)}`)
  for (const { from, socket, text } of heard) {
    yield* Console.log(`  ${socket.padEnd(22)}${JSON.stringify(text)} from ${from.address}:${from.port}`)
  }
  yield* Console.log(`over TCP              ${failure(tcp)}\n`)
  yield* Console.log(
    "A broadcast reaches every host of a network, so a socket must enable it first. All sockets bound to the port"
  )
  yield* Console.log("receive it, the sender's included. A TCP connection has two ends, so TCP has no broadcast.")
  for (const { broadcast, name } of directed) {
    yield* Console.log(
      `${broadcast} reaches all hosts on the network of ${name}; 255.255.255.255 leaves through one interface.`
    )
  }
}, Effect.provide(network.layer))
