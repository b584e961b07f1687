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
const most = 1_024

/** 4 or 16 bytes, those of the last literals remembered. */
export const lookup = (): ((literal: string) => Uint8Array | undefined) => {
  const known = new Map<string, Uint8Array | undefined>()
  return (literal) => {
    if (known.has(literal)) return known.get(literal)
    if (known.size === most) known.clear()
    const octets = toOctets(literal)
    known.set(literal, octets)
    return octets
  }
}

/** An IPv4 address where both have to be IPv6. */
export const mapped = (v4: Uint8Array): Uint8Array => Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...v4])
