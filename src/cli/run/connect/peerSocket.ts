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
  /** Returns the number of bytes given to `write` that the system has not taken, because the peer does not read. */
  readonly unsentBytes: () => number
  /** Sends FIN; nothing over UDP, which has no end. */
  readonly end: Effect.Effect<void>
  /** False for UDP: nobody can wait for the end of the peer. */
  readonly hasEnd: boolean
}

/** Returns the peer of a stream connection. */
export const ofConnection = (connection: Network.Connection): PeerSocket => {
  const remote = NetAddress.formatSocketAddress(connection.remote)
  let pendingBytes = 0
  return {
    local: NetAddress.formatSocketAddress(connection.local),
    remote: () => remote,
    pull: connection.pull,
    write: (bytes) =>
      Effect.suspend(() => {
        pendingBytes = bytes.length
        return Effect.map(connection.write(bytes), () => {
          pendingBytes = 0
        })
      }),
    // A write that has completed may have left bytes in a buffer, and one that waits may have sent a part.
    unsentBytes: () => connection.traffic().unsent || pendingBytes,
    end: connection.end,
    hasEnd: true
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

/** Returns the sending direction of a UDP peer: each part of a chunk is one datagram. */
export const datagrams = (send: (part: Uint8Array) => Effect.Effect<void, Network.NetworkError>) => {
  let unsentBytes = 0
  const sendParts = (bytes: Uint8Array): Effect.Effect<void, Network.NetworkError> => {
    const part = bytes.subarray(0, maxDatagramBytes)
    return Effect.flatMap(send(part), () => {
      unsentBytes -= part.length
      return part.length === bytes.length ? Effect.void : sendParts(bytes.subarray(part.length))
    })
  }
  return {
    unsentBytes: () => unsentBytes,
    write: (bytes: Uint8Array) =>
      Effect.suspend(() => {
        unsentBytes += bytes.length
        return sendParts(bytes)
      }),
    end: Effect.void,
    hasEnd: false
  }
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
    ...datagrams((part) => socket.send(part))
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
      ...datagrams((part) => socket.send(part, remote))
    }
  })
  const listener: UdpListener = { address: socket.local, accept }
  return listener
})
