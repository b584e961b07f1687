/**
 * Addresses and ports of the TCP sockets of a host, by the rules of Linux. They decide which sockets may share a port,
 * which of them takes a client, and when the port of a connection is free again.
 */
import * as NetAddress from "effect/net/NetAddress"
import * as Endpoint from "../../network/Endpoint.ts"

/** Address to which a listener is bound. An IPv4-mapped address is IPv4; `::` also takes IPv4. */
export interface Binding {
  /** IP literal in canonical form. */
  readonly address: string
  readonly wildcard: boolean
  readonly reusePort: boolean
}

const isIpv6 = (address: string) => address.includes(":")

/** Returns the binding to an address. */
export const bindingTo = (ip: NetAddress.IpAddress, reusePort: boolean): Binding => {
  const canonical = NetAddress.toCanonical(ip)
  return { address: NetAddress.formatIp(canonical), wildcard: NetAddress.isUnspecified(canonical), reusePort }
}

/** Returns 0 if a binding does not cover an address, else the more, the earlier it takes a client, as on Linux. */
export const score = ({ address, wildcard }: Binding, to: string): number => {
  if (!wildcard) return address === to ? 3 : 0
  if (isIpv6(address) === isIpv6(to)) return 2
  return isIpv6(to) ? 0 : 1
}

/** Two wildcards always overlap: `::` takes IPv4 too. */
const overlaps = (one: Binding, other: Binding) => {
  if (one.wildcard && other.wildcard) return true
  return one.wildcard ? score(one, other.address) > 0 : score(other, one.address) > 0
}

/** Tests if two listeners cannot have the same port. */
export const conflicts = (one: Binding, other: Binding): boolean =>
  !(one.reusePort && other.reusePort) && overlaps(one, other)

/** Ports of a host that are in use. */
export interface SimPorts {
  /** Local ports of outgoing connections. */
  readonly outgoing: Map<number, Use>
  /** Tests if a listener has the port. */
  readonly isListening: (port: number) => boolean
  lastPort: number
}

/** Local port of an outgoing connection. */
export interface Use {
  readonly local: Endpoint.Endpoint
  readonly remote: Endpoint.Endpoint
  /** Time at which the port is free: Infinity until the connection closes, then the end of TIME_WAIT. */
  untilNanos: number
}

const firstEphemeralPort = 32_768
const lastEphemeralPort = 60_999
const ephemeralPorts = lastEphemeralPort - firstEphemeralPort + 1

/** Time in TIME_WAIT of the end that closed first. */
const timeWaitNanos = 60_000_000_000

export const make = (isListening: (port: number) => boolean): SimPorts => ({
  outgoing: new Map(),
  isListening,
  lastPort: firstEphemeralPort
})

/** Returns the next port for which the test holds; undefined if there is none. */
const next = (self: SimPorts, isFree: (port: number) => boolean): number | undefined => {
  for (let tried = 0; tried < ephemeralPorts; tried++) {
    self.lastPort = self.lastPort >= lastEphemeralPort ? firstEphemeralPort : self.lastPort + 1
    if (isFree(self.lastPort)) return self.lastPort
  }
  return undefined
}

const isUsed = ({ outgoing }: SimPorts, port: number, now: number) => {
  const use = outgoing.get(port)
  return use !== undefined && use.untilNanos > now
}

/** Returns an ephemeral port that no other socket has; undefined if all are in use. */
export const ephemeral = (self: SimPorts, now: number): number | undefined =>
  next(self, (port) => !self.isListening(port) && !isUsed(self, port, now))

/** Takes an ephemeral port for a connection; undefined if all are in use for connections to the same address. */
export const connect = (self: SimPorts, address: string, remote: Endpoint.Endpoint, now: number): Use | undefined => {
  const isOther = (port: number) => {
    const use = self.outgoing.get(port)
    return !self.isListening(port) && (use === undefined || !Endpoint.equals(use.remote, remote))
  }
  const port = ephemeral(self, now) ?? next(self, isOther)
  if (port === undefined) return undefined
  const use: Use = { local: { address, port }, remote, untilNanos: Number.POSITIVE_INFINITY }
  self.outgoing.set(port, use)
  return use
}

/** Frees the port of a closed connection, at once or after TIME_WAIT. */
export const release = (self: SimPorts, use: Use, now: number, isTimeWait: boolean): void => {
  use.untilNanos = isTimeWait ? now + timeWaitNanos : now
  if (!isTimeWait && self.outgoing.get(use.local.port) === use) self.outgoing.delete(use.local.port)
}

/**
 * Tests if an outgoing connection, or its TIME_WAIT, keeps a listener from the port. Its socket does not share it:
 * only listeners, and the connections that they accept, have SO_REUSEADDR.
 */
export const isTaken = ({ outgoing }: SimPorts, port: number, binding: Binding, now: number): boolean => {
  const use = outgoing.get(port)
  return use !== undefined && use.untilNanos > now && score(binding, use.local.address) > 0
}
