/** Addresses of a simulated host: interfaces by their names, and what kind of destination an address is. */
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Endpoint from "../../../network/Endpoint.ts"
import type { Node, SimInterface, SimLan } from "../SimLan.ts"

/** IP family of an address or of a socket. */
export type Family = "IPv4" | "IPv6"

/** A destination of datagrams. */
export interface Destination {
  /** Address as packets carry it: IPv4 for an IPv4-mapped literal. */
  readonly address: string
  readonly family: Family
  /** Family of the literal: IPv6 also for an IPv4-mapped one. */
  readonly literalFamily: Family
  readonly kind: "unicast" | "group" | "broadcast" | "unspecified"
  /** Way to a unicast address; undefined if there is none. */
  readonly route: SimInterface | "loopback" | undefined
}

/** The loopback interface, which is no `SimInterface`: it connects a host with itself. */
export const loopback = "lo"

const limitedBroadcast = "255.255.255.255"

export const loopbackBroadcast = "127.255.255.255"

/** Returns the address of the loopback interface. */
export const loopbackAddress = (family: Family): string => (family === "IPv6" ? "::1" : "127.0.0.1")

/** Returns the family of an address in canonical form. */
export const familyOf = (address: string): Family => (address.includes(":") ? "IPv6" : "IPv4")

const isMulticast = (address: string) => {
  if (address.includes(":")) return address.startsWith("ff")
  const first = Number.parseInt(address, 10)
  return first >= 224 && first < 240
}

const kindOf = (node: Node, address: string): Destination["kind"] => {
  if (address === "0.0.0.0" || address === "::") return "unspecified"
  if (isMulticast(address)) return "group"
  const isBroadcast = node.interfaces.some(({ broadcast }) => broadcast === address)
  return isBroadcast || address === limitedBroadcast || address === loopbackBroadcast ? "broadcast" : "unicast"
}

/** Parses a literal; undefined for other text, also for an address with a zone. */
export const parse = (lan: SimLan, node: Node, literal: string): Destination | undefined => {
  const parsed = NetAddress.ipFromString(literal)
  if (Result.isFailure(parsed)) return undefined
  const address = NetAddress.formatIp(NetAddress.toCanonical(parsed.success))
  const kind = kindOf(node, address)
  return {
    address,
    family: familyOf(address),
    literalFamily: familyOf(literal),
    kind,
    route: kind === "unicast" ? lan.route(node, address) : undefined
  }
}

/** Returns the interface with an address, a name such as `%eth0`, or an index. */
export const interfaceNamed = ({ interfaces }: Node, name: string): SimInterface | "lo" | undefined => {
  const plain = name.replace(/^%/, "")
  if (plain === loopback || plain === "1" || Endpoint.isLoopback(plain)) return loopback
  return interfaces.find((one, index) => one.literal === plain || one.name === plain || `${index + 2}` === plain)
}

/** Returns the interface of a host that has an address; undefined for wildcards and addresses of several hosts. */
export const interfaceWith = ({ interfaces }: Node, address: string): SimInterface | "lo" | undefined =>
  Endpoint.isLoopback(address) ? loopback : interfaces.find(({ literal }) => literal === address)

/** Returns the interface that is used if nothing else decides. */
export const defaultInterface = ({ interfaces }: Node, family: Family): SimInterface | "lo" =>
  interfaces.find(({ literal }) => familyOf(literal) === family) ?? loopback
