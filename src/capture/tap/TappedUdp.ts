/** Datagram sockets that report their packets to a tap. */

import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Endpoint from "../../network/Endpoint.ts"
import type { Interface, Network, NetworkError, UdpOptions, UdpSocket } from "../../network/Network.ts"
import * as LocalAddress from "../../network/names/LocalAddress.ts"
import type { Emit } from "./TappedStream.ts"

type Service = Network["Service"]

/** Time during which a datagram sent by a captured socket is not reported again when another one receives it. */
const localDeliveryNanos = 1_000_000_000n
const maxRecentDatagrams = 1_024

/** Creates a set of recently sent datagrams, identified by port, length and a hash of the first 64 bytes. */
const makeRecentSends = (now: () => bigint) => {
  const sent = new Map<string, bigint>()
  const keyOf = (port: number, bytes: Uint8Array) => {
    let hash = 0x811c9dc5
    const length = Math.min(bytes.length, 64)
    for (let i = 0; i < length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
    return `${port} ${bytes.length} ${hash}`
  }
  return {
    add: (port: number, bytes: Uint8Array) => {
      const key = keyOf(port, bytes)
      sent.delete(key)
      sent.set(key, now())
      if (sent.size > maxRecentDatagrams) sent.delete(sent.keys().next().value!)
    },
    has: (port: number, bytes: Uint8Array) => {
      const at = sent.get(keyOf(port, bytes))
      return at !== undefined && now() - at < localDeliveryNanos
    }
  }
}

/** The report of datagrams to a tap. */
interface Reporting {
  readonly now: () => bigint
  readonly emit: Emit
  /** Returns false while nothing is reported. */
  readonly isActive: () => boolean
}

/** Wraps the function that opens datagram sockets. */
export const make = (network: Service, interfaces: ReadonlyArray<Interface>, { emit, isActive, now }: Reporting) => {
  const recentSends = makeRecentSends(now)
  const localEndpointOf = LocalAddress.make(interfaces)

  return Effect.fnUntraced(function* (
    options: UdpOptions,
    onDatagram: (bytes: Uint8Array, from: Endpoint.Endpoint) => void,
    onError?: (error: NetworkError) => void
  ): Effect.fn.Return<UdpSocket, NetworkError, Scope.Scope> {
    let localEndpoint: ReturnType<typeof localEndpointOf> | undefined
    let closed = false
    const onReceived = (bytes: Uint8Array, from: Endpoint.Endpoint) => {
      if (isActive() && localEndpoint !== undefined && !recentSends.has(from.port, bytes))
        emit("udp", "datagram", from, localEndpoint(from), bytes)
      onDatagram(bytes, from)
    }
    const inner = yield* network.udp(options, onReceived, onError)
    const endpointTowards = localEndpointOf(inner.local)
    localEndpoint = endpointTowards
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        closed = true
      })
    )
    /** Reports a datagram before it is sent, so that it precedes its reply; an invalid send is not reported. */
    const emitSend = (bytes: Uint8Array, to: Endpoint.Endpoint | undefined) => {
      const remote = to ?? options.remote
      if (closed || !isActive() || remote === undefined || (to !== undefined && options.remote !== undefined)) return
      if (bytes.length > Endpoint.maxDatagramBytes(remote.address)) return
      recentSends.add(inner.local.port, bytes)
      emit("udp", "datagram", endpointTowards(remote), remote, bytes)
    }
    return {
      local: inner.local,
      send: (bytes, to) =>
        Effect.suspend(() => {
          emitSend(bytes, to)
          return inner.send(bytes, to)
        }),
      sendUnsafe: (bytes, to) => {
        emitSend(bytes, to)
        inner.sendUnsafe(bytes, to)
      },
      join: (group, networkInterface) => inner.join(group, networkInterface),
      receiveBuffer: inner.receiveBuffer,
      dropped: inner.dropped
    }
  })
}
