/** Datagram sockets that report their packets to a tap. */

import * as Effect from "effect/Effect"
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as Endpoint from "../network/Endpoint.ts"
import type { Interface, Network, NetworkError, UdpOptions, UdpSocket } from "../network/Network.ts"
import * as IpOctets from "./IpOctets.ts"
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

/** Maximum number of remote addresses whose local address is cached. */
const maxCachedAddresses = 256

/**
 * Creates a function that infers the local address used for a remote one. The platform does not report it for a socket
 * bound to all addresses.
 */
const localAddressFinder = (interfaces: ReadonlyArray<Interface>) => {
  const cache = new Map<string, string | undefined>()
  const find = (literal: string): string | undefined => {
    const remote = IpOctets.parse(literal)
    if (remote === undefined) return undefined
    if (NetAddress.isLoopback(remote)) return NetAddress.isIpv4Address(remote) ? "127.0.0.1" : "::1"
    const family = NetAddress.familyOf(remote)
    const candidates = interfaces.filter(({ address }) => NetAddress.familyOf(address.address) === family)
    const found =
      candidates.find(({ address }) => IpNetwork.contains(IpNetwork.fromInterface(address), remote)) ??
      candidates.find(({ loopback }) => !loopback) ??
      candidates[0]
    return found && NetAddress.formatIp(found.address.address)
  }
  return (literal: string): string | undefined => {
    if (cache.has(literal)) return cache.get(literal)
    if (cache.size === maxCachedAddresses) cache.clear()
    const local = find(literal)
    cache.set(literal, local)
    return local
  }
}

/** Wraps the function that opens datagram sockets. */
export const make = (network: Service, interfaces: ReadonlyArray<Interface>, now: () => bigint, emit: Emit) => {
  const recentSends = makeRecentSends(now)
  const localAddressFor = localAddressFinder(interfaces)

  return Effect.fnUntraced(function* (
    options: UdpOptions,
    onDatagram: (bytes: Uint8Array, from: Endpoint.Endpoint) => void,
    onError?: (error: NetworkError) => void
  ): Effect.fn.Return<UdpSocket, NetworkError, Scope.Scope> {
    let localEndpoint: Endpoint.Endpoint | undefined
    let isUnspecified = false
    let closed = false
    const localEndpointFor = (remote: Endpoint.Endpoint): Endpoint.Endpoint => {
      const address = isUnspecified ? localAddressFor(remote.address) : undefined
      return address === undefined ? localEndpoint! : { address, port: localEndpoint!.port }
    }
    const onReceived = (bytes: Uint8Array, from: Endpoint.Endpoint) => {
      if (localEndpoint !== undefined && !recentSends.has(from.port, bytes))
        emit("udp", "datagram", from, localEndpointFor(from), bytes)
      onDatagram(bytes, from)
    }
    const inner = yield* network.udp(options, onReceived, onError)
    localEndpoint = { address: NetAddress.formatIp(inner.local.address), port: inner.local.port }
    isUnspecified = NetAddress.isUnspecified(inner.local.address)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        closed = true
      })
    )
    /** Reports a datagram before it is sent, so that it precedes its reply; an invalid send is not reported. */
    const emitSend = (bytes: Uint8Array, to: Endpoint.Endpoint | undefined) => {
      const remote = to ?? options.remote
      if (closed || remote === undefined || (to !== undefined && options.remote !== undefined)) return
      if (bytes.length > Endpoint.maxDatagramBytes(remote.address)) return
      recentSends.add(inner.local.port, bytes)
      emit("udp", "datagram", localEndpointFor(remote), remote, bytes)
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
