/** IP literals as the bytes that stand in headers. */

import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Endpoint from "../network/Endpoint.ts"

/** An IP literal, its zone left out, and an IPv4 address in IPv6 clothes undressed; undefined for anything else. */
export const parse = (literal: string): NetAddress.IpAddress | undefined => {
  const parsed = NetAddress.ipFromString(Endpoint.withoutZone(literal))
  return Result.isSuccess(parsed) ? NetAddress.toCanonical(parsed.success) : undefined
}

const toOctets = (literal: string): Uint8Array | undefined => {
  const ip = parse(literal)
  if (ip === undefined) return undefined
  return Uint8Array.from(NetAddress.isIpv4Address(ip) ? NetAddress.ipv4ToOctets(ip) : NetAddress.ipv6ToOctets(ip))
}

/** How many literals are remembered. */
const maxCachedEntries = 1_024

/** 4 or 16 bytes, those of the last literals remembered. */
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

/** An IPv4 address where both have to be IPv6. */
export const toIpv4Mapped = (v4: Uint8Array): Uint8Array => Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...v4])
