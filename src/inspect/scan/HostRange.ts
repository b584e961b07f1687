/** Hosts to scan as text: addresses, and networks in CIDR notation. Pure. */
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as TerminalText from "../../network/TerminalText.ts"
import * as PortTest from "./PortTest.ts"

/** Hosts of one network at most: a /20 of IPv4, a /116 of IPv6. */
const maxNetworkHosts = 4_096

/** Hosts as given: addresses, or a name to look up. */
export type HostRange =
  | { readonly _tag: "Addresses"; readonly addresses: ReadonlyArray<string> }
  | { readonly _tag: "Name"; readonly name: string }

const quote = (text: string) => TerminalText.escape(JSON.stringify(TerminalText.truncate(text, 60)))

const hexadecimalGroups = 8
const bitsPerGroup = 16n
const bitsPerOctet = 8n

/** Returns the number of an address. */
const toBigInt = (address: NetAddress.IpAddress): bigint => {
  const isIpv4 = NetAddress.isIpv4Address(address)
  const [parts, bits] = isIpv4
    ? [NetAddress.ipv4ToOctets(address), bitsPerOctet]
    : [NetAddress.ipv6ToSegments(address), bitsPerGroup]
  return [...parts].reduce((sum, part) => (sum << bits) + BigInt(part), 0n)
}

const fromBigInt = (value: bigint, family: 4 | 6): string => {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join(".")
  const groups = Array.from({ length: hexadecimalGroups }, (_, index) =>
    ((value >> (bitsPerGroup * BigInt(hexadecimalGroups - 1 - index))) & 0xffffn).toString(16)
  )
  return NetAddress.formatIp(NetAddress.ipFromStringUnsafe(groups.join(":")))
}

const parseNetwork = (text: string): Result.Result<HostRange, string> => {
  const [address = "", prefix = ""] = text.split("/")
  const parsed = NetAddress.ipFromString(address)
  if (Result.isFailure(parsed) || !/^\d{1,3}$/.test(prefix)) {
    return Result.fail(`invalid network ${quote(text)}: must be an address and a prefix, such as 10.0.0.0/28`)
  }
  const family = NetAddress.isIpv4Address(parsed.success) ? 4 : 6
  const bits = family === 4 ? 32 : 128
  const length = Number(prefix)
  if (length > bits) return Result.fail(`invalid network ${quote(text)}: the prefix is ${length} (0 to ${bits})`)
  const count = 1n << BigInt(bits - length)
  if (count > BigInt(maxNetworkHosts)) {
    const shortest = bits - Math.log2(maxNetworkHosts)
    return Result.fail(
      `network ${quote(text)} too large: it has ${count} addresses (limit ${maxNetworkHosts}); use a prefix of ${shortest} or more`
    )
  }
  // As nmap, it takes any address of the network.
  const first = (toBigInt(parsed.success) / count) * count
  const all = Array.from({ length: Number(count) }, (_, index) => fromBigInt(first + BigInt(index), family))
  // The first and the last address of an IPv4 network name the network, and all of its hosts (RFC 3021: not of a /31).
  const addresses = family === 4 && length < 31 ? all.slice(1, -1) : all
  return Result.succeed({ _tag: "Addresses", addresses })
}

/** Parses a host: an address, a network, or a name. Fails with one line. */
export const parse = (text: string): Result.Result<HostRange, string> => {
  if (text.includes("/")) return parseNetwork(text)
  if (PortTest.isAddress(text)) return Result.succeed({ _tag: "Addresses", addresses: [text] })
  return text === "" || /\s/.test(text)
    ? Result.fail(`invalid host ${quote(text)}: must be a name, an address or a network such as 10.0.0.0/28`)
    : Result.succeed({ _tag: "Name", name: text })
}
