/** Datagram sockets that tell what they send and hear. */

import * as Effect from "effect/Effect"
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as Endpoint from "../network/Endpoint.ts"
import type { Interface, Network, NetworkError, UdpOptions, UdpSocket } from "../network/Network.ts"
import * as IpOctets from "./IpOctets.ts"
import type { Tell } from "./TappedStream.ts"

type Service = Network["Service"]

/** What one of our sockets sent is told then, and not again when another of them hears it: within a second. */
const echo = 1_000_000_000n
const maxEchoes = 1_024

/** The datagrams sent lately, by port, length and first bytes. */
const makeEchoes = (now: () => bigint) => {
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
      if (sent.size > maxEchoes) sent.delete(sent.keys().next().value!)
    },
    has: (port: number, bytes: Uint8Array) => {
      const at = sent.get(keyOf(port, bytes))
      return at !== undefined && now() - at < echo
    }
  }
}

/** The addresses remembered by which of ours they were reached from. */
const maxNear = 256

/** Which of this host's addresses a socket bound to all of them speaks from: nobody tells, so it is inferred. */
const nearest = (interfaces: ReadonlyArray<Interface>) => {
  const known = new Map<string, string | undefined>()
  const find = (literal: string): string | undefined => {
    const far = IpOctets.parse(literal)
    if (far === undefined) return undefined
    if (NetAddress.isLoopback(far)) return NetAddress.isIpv4Address(far) ? "127.0.0.1" : "::1"
    const family = NetAddress.familyOf(far)
    const ours = interfaces.filter(({ address }) => NetAddress.familyOf(address.address) === family)
    const found =
      ours.find(({ address }) => IpNetwork.contains(IpNetwork.fromInterface(address), far)) ??
      ours.find(({ loopback }) => !loopback) ??
      ours[0]
    return found && NetAddress.formatIp(found.address.address)
  }
  return (literal: string): string | undefined => {
    if (known.has(literal)) return known.get(literal)
    if (known.size === maxNear) known.clear()
    const near = find(literal)
    known.set(literal, near)
    return near
  }
}

/** Wraps what opens datagram sockets. */
export const make = (network: Service, interfaces: ReadonlyArray<Interface>, now: () => bigint, tell: Tell) => {
  const echoes = makeEchoes(now)
  const near = nearest(interfaces)

  return Effect.fnUntraced(function* (
    options: UdpOptions,
    onDatagram: (bytes: Uint8Array, from: Endpoint.Endpoint) => void,
    onError?: (error: NetworkError) => void
  ): Effect.fn.Return<UdpSocket, NetworkError, Scope.Scope> {
    let own: Endpoint.Endpoint | undefined
    let wild = false
    let closed = false
    const here = (far: Endpoint.Endpoint): Endpoint.Endpoint => {
      const address = wild ? near(far.address) : undefined
      return address === undefined ? own! : { address, port: own!.port }
    }
    const heard = (bytes: Uint8Array, from: Endpoint.Endpoint) => {
      if (own !== undefined && !echoes.has(from.port, bytes)) tell("udp", "datagram", from, here(from), bytes)
      onDatagram(bytes, from)
    }
    const inner = yield* network.udp(options, heard, onError)
    own = { address: NetAddress.formatIp(inner.local.address), port: inner.local.port }
    wild = NetAddress.isUnspecified(inner.local.address)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        closed = true
      })
    )
    /** Told before it is sent, for nothing may come back before that; what cannot be sent at all is not told. */
    const sends = (bytes: Uint8Array, to: Endpoint.Endpoint | undefined) => {
      const far = to ?? options.remote
      if (closed || far === undefined || (to !== undefined && options.remote !== undefined)) return
      if (bytes.length > Endpoint.maxDatagramBytes(far.address)) return
      echoes.add(inner.local.port, bytes)
      tell("udp", "datagram", here(far), far, bytes)
    }
    return {
      local: inner.local,
      send: (bytes, to) =>
        Effect.suspend(() => {
          sends(bytes, to)
          return inner.send(bytes, to)
        }),
      sendUnsafe: (bytes, to) => {
        sends(bytes, to)
        inner.sendUnsafe(bytes, to)
      },
      join: (group, networkInterface) => inner.join(group, networkInterface),
      receiveBuffer: inner.receiveBuffer,
      dropped: inner.dropped
    }
  })
}
