/** Conversion of IP literals to the bytes of packet headers. */

import * as NetAddress from "effect/net/NetAddress"
import * as Endpoint from "../network/Endpoint.ts"

const toOctets = (literal: string): Uint8Array | undefined => {
  const ip = Endpoint.toIp(literal)
  if (ip === undefined) return undefined
  return Uint8Array.from(NetAddress.isIpv4Address(ip) ? NetAddress.ipv4ToOctets(ip) : NetAddress.ipv6ToOctets(ip))
}

/** Size of the cache of converted literals. */
const maxCachedEntries = 1_024

/** Creates a cached conversion of IP literals to 4 or 16 bytes. */
export const cachedLookup = (): ((literal: string) => Uint8Array | undefined) => {
  const cache = new Map<string, Uint8Array | undefined>()
  return (literal) => {
    if (cache.has(literal)) return cache.get(literal)
    if (cache.size === maxCachedEntries) cache.clear()
    const octets = toOctets(literal)
    cache.set(literal, octets)
    return octets
  }
}

/** Converts 4 bytes of an IPv4 address to the 16 bytes of the IPv4-mapped IPv6 address. */
export const toIpv4Mapped = (v4: Uint8Array): Uint8Array =>
  Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...v4])
