/** The peer of a session: a stream connection, or a UDP socket. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Pull from "effect/Pull"
import * as Queue from "effect/Queue"
import * as Endpoint from "../../../network/Endpoint.ts"
import * as Network from "../../../network/Network.ts"

/** A peer. */
export interface PeerSocket {
  readonly local: string
  /** Returns the address of the peer. With `keepOpen` it is that of the sender of the latest datagram. */
  readonly remote: () => string
  readonly pull: Pull.Pull<Uint8Array, Network.NetworkError>
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, Network.NetworkError>
  /** Sends FIN; nothing over UDP, which has no end. */
  readonly end: Effect.Effect<void>
}

/** Returns the peer of a stream connection. */
export const ofConnection = (connection: Network.Connection): PeerSocket => {
  const remote = NetAddress.formatSocketAddress(connection.remote)
  return {
    local: NetAddress.formatSocketAddress(connection.local),
    remote: () => remote,
    pull: connection.pull,
    write: (bytes) => connection.write(bytes),
    end: connection.end
  }
}

/** Largest datagram that is made of the input, as that of nc. */
const maxDatagramBytes = 16_384

/** Datagrams that wait for the reader of the output; further ones are dropped, as the kernel would. */
const maxQueuedDatagrams = 1_024

/** A datagram and its sender. */
interface Datagram {
  readonly bytes: Uint8Array
  readonly from: Endpoint.Endpoint
}

/** Sends each part of a chunk as one datagram. */
const sendParts = (
  bytes: Uint8Array,
  send: (part: Uint8Array) => Effect.Effect<void, Network.NetworkError>
): Effect.Effect<void, Network.NetworkError> => {
  if (bytes.length <= maxDatagramBytes) return send(bytes)
  return Effect.andThen(
    send(bytes.subarray(0, maxDatagramBytes)),
    Effect.suspend(() => sendParts(bytes.subarray(maxDatagramBytes), send))
  )
}

const open = Effect.fnUntraced(function* (options: Network.UdpOptions) {
  const network = yield* Network.Network
  const queue = yield* Queue.dropping<Datagram, Network.NetworkError>(maxQueuedDatagrams)
  const socket = yield* network.udp(
    options,
    (bytes, from) => void Queue.offerUnsafe(queue, { bytes, from }),
    (error) => void Queue.failCauseUnsafe(queue, Cause.fail(error))
  )
  return { queue, socket }
})

/** Opens a UDP socket that sends to, and receives from, one address. A refusal (ICMP) is an error. */
export const connectUdp = Effect.fnUntraced(function* (address: NetAddress.InetAddress) {
  const remote = { address: NetAddress.formatHost(address), port: address.port }
  const host = NetAddress.isInetAddressV4(address) ? "0.0.0.0" : "::"
  const { queue, socket } = yield* open({ host, remote })
  const peer: PeerSocket = {
    local: NetAddress.formatInet(socket.local),
    remote: () => Endpoint.format(remote),
    pull: Effect.map(Queue.take(queue), ({ bytes }) => bytes),
    write: (bytes) => sendParts(bytes, (part) => socket.send(part)),
    end: Effect.void
  }
  return peer
})

/** A bound UDP socket that waits for a peer. */
interface UdpListener {
  readonly address: NetAddress.InetAddress
  /**
   * Waits for a datagram, whose sender is the peer. Datagrams of other senders are dropped; with `keepOpen` the sender
   * of the latest one is the peer.
   */
  readonly accept: Effect.Effect<PeerSocket, Network.NetworkError>
}

/** Binds a UDP socket. */
export const listenUdp = Effect.fnUntraced(function* (address: NetAddress.InetAddress, keepOpen: boolean) {
  const { queue, socket } = yield* open({ host: NetAddress.formatHost(address), port: address.port })
  const accept = Effect.map(Queue.take(queue), (first): PeerSocket => {
    let remote = first.from
    let waiting: Datagram | undefined = first
    const next = Effect.suspend(() => {
      const datagram = waiting
      waiting = undefined
      return datagram === undefined ? Queue.take(queue) : Effect.succeed(datagram)
    })
    const pull: PeerSocket["pull"] = Effect.flatMap(next, ({ bytes, from }) => {
      if (!keepOpen && !Endpoint.equals(from, remote)) return pull
      remote = from
      return Effect.succeed(bytes)
    })
    return {
      local: NetAddress.formatInet(socket.local),
      remote: () => Endpoint.format(remote),
      pull,
      write: (bytes) => sendParts(bytes, (part) => socket.send(part, remote)),
      end: Effect.void
    }
  })
  const listener: UdpListener = { address: socket.local, accept }
  return listener
})
