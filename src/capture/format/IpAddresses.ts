/** Formatting of the addresses of packets, with a cache: a capture has few addresses and many packets. */
import * as NetAddress from "effect/net/NetAddress"
import { u32 } from "./Frame.ts"

/** Number of addresses that a cache holds. Each address has one place, which a later address takes over. */
const cacheSize = 1_024

/** Returns the place of a hash in a cache. */
const placeOf = (hash: number) => Math.imul(hash, 0x9e3779b1) >>> 22

const v4Words = new Uint32Array(cacheSize)
const v4Texts: Array<string> = Array.from({ length: cacheSize }, () => "0.0.0.0")

/** Formats the IPv4 address at an offset. */
export const formatV4 = (bytes: Uint8Array, at: number): string => {
  const word = u32(bytes, at)
  const place = placeOf(word)
  if (v4Words[place] !== word) {
    v4Words[place] = word
    v4Texts[place] = `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`
  }
  return v4Texts[place]!
}

const v6Words = new Uint32Array(4 * cacheSize)
const v6Texts: Array<string> = Array.from({ length: cacheSize }, () => "::")

/** Formats the IPv6 address at an offset. */
export const formatV6 = (bytes: Uint8Array, at: number): string => {
  const [a, b, c, d] = [u32(bytes, at), u32(bytes, at + 4), u32(bytes, at + 8), u32(bytes, at + 12)]
  const place = placeOf(a ^ Math.imul(b, 3) ^ Math.imul(c, 5) ^ Math.imul(d, 7))
  const i = 4 * place
  if (v6Words[i] !== a || v6Words[i + 1] !== b || v6Words[i + 2] !== c || v6Words[i + 3] !== d) {
    v6Words.set([a, b, c, d], i)
    v6Texts[place] = NetAddress.formatIp(NetAddress.ipv6FromBytesUnsafe(bytes.subarray(at, at + 16)))
  }
  return v6Texts[place]!
}
