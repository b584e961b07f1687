/** The local address of a datagram, which the platform does not report for a socket bound to all addresses. */
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"
import * as Endpoint from "../Endpoint.ts"
import type { Interface } from "../Network.ts"

/** Maximum number of remote addresses whose local address is cached. */
const maxCachedAddresses = 256

/** Returns the address of the interface that most likely reaches a remote address. */
const nearest = (interfaces: ReadonlyArray<Interface>, literal: string): string | undefined => {
  const remote = Endpoint.toIp(literal)
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

/** Creates a function that returns, for the address of a socket, its endpoint towards a remote one. */
export const make = (interfaces: ReadonlyArray<Interface>) => {
  const cache = new Map<string, string | undefined>()
  const cached = (literal: string) => {
    if (!cache.has(literal)) {
      if (cache.size === maxCachedAddresses) cache.clear()
      cache.set(literal, nearest(interfaces, literal))
    }
    return cache.get(literal)
  }
  return (bound: NetAddress.InetAddress): ((remote: Endpoint.Endpoint) => Endpoint.Endpoint) => {
    const own = { address: NetAddress.formatIp(bound.address), port: bound.port }
    if (!NetAddress.isUnspecified(bound.address)) return () => own
    return (remote) => ({ address: cached(remote.address) ?? own.address, port: own.port })
  }
}
