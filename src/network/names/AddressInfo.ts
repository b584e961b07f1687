/**
 * Name resolution: getaddrinfo with its hints, over the `Dns` service and `ServiceNames`.
 *
 * **Example** (Resolving a host and a service)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { AddressInfo, NodeServices } from "effect-inet/network"
 *
 * const program = Effect.gen(function* () {
 *   const [first] = yield* AddressInfo.getaddrinfo("127.0.0.1", "rot13", { socktype: "stream" })
 *   first.address.toString() // => "127.0.0.1:1067"
 *   first.protocol // => "tcp"
 * })
 *
 * await Effect.runPromise(Effect.provide(program, NodeServices.layer))
 * ```
 */
import * as Arr from "effect/Array"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import type * as Dns from "effect/net/Dns"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import { type Interface, Network } from "../Network.ts"
import * as AddressOrder from "./AddressOrder.ts"
import * as HostEntry from "./HostEntry.ts"
import { ServiceNames, type ServiceNamesError } from "./ServiceNames.ts"

/** Reason: a name was given where only a number is allowed (EAI_NONAME). @category errors @since 0.1.0 */
export class NotNumeric extends Data.TaggedClass("NotNumeric")<{
  readonly what: "host" | "service"
  readonly value: string
}> {
  get message(): string {
    const right = this.what === "host" ? "an IP literal such as 127.0.0.1 or ::1" : "a port from 0 to 65535"
    return `${JSON.stringify(this.value)} is a name: give ${right}`
  }
}

/** Reason: the service name or the port is unknown (EAI_SERVICE). @category errors @since 0.1.0 */
export class ServiceNotFound extends Data.TaggedClass("ServiceNotFound")<{ readonly cause: ServiceNamesError }> {
  get message(): string {
    return this.cause.message
  }
}

/** Reason: the protocol does not have this socket type (EAI_SOCKTYPE). @category errors @since 0.1.0 */
export class SocktypeMismatch extends Data.TaggedClass("SocktypeMismatch")<{
  readonly socktype: Socktype | undefined
  readonly protocol: Protocol | undefined
}> {
  get message(): string {
    return `${this.protocol} does not carry ${this.socktype} sockets: tcp carries stream, udp carries dgram`
  }
}

/**
 * Reason: the zone of an IPv6 literal is not an interface of this host with an address.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnknownZone extends Data.TaggedClass("UnknownZone")<{ readonly host: string; readonly zone: string }> {
  get message(): string {
    return `${this.host}: no interface ${JSON.stringify(this.zone)} with an address`
  }
}

/**
 * Reason: this host has no address of the family, so that ADDRCONFIG excludes all (EAI_ADDRFAMILY).
 *
 * @category errors
 * @since 0.1.0
 */
export class FamilyNotConfigured extends Data.TaggedClass("FamilyNotConfigured")<{ readonly family: 4 | 6 }> {
  get message(): string {
    const other = this.family === 4 ? 6 : 4
    return `this host has no IPv${this.family} address except loopback; use IPv${other}, or leave addressConfig out`
  }
}

/** Reason for a failed resolution. @category errors @since 0.1.0 */
export type Reason =
  | HostEntry.Reason
  | NotNumeric
  | ServiceNotFound
  | SocktypeMismatch
  | UnknownZone
  | FamilyNotConfigured

/** Failure of resolving a host and a service (the EAI_ codes of getaddrinfo). @category errors @since 0.1.0 */
export class AddressInfoError extends Data.TaggedError("AddressInfoError")<{ readonly reason: Reason }> {
  override get message(): string {
    return this.reason.message
  }
}

const fail = (reason: Reason) => new AddressInfoError({ reason })

/** Socket type. @category models @since 0.1.0 */
export type Socktype = "stream" | "dgram"
/** Transport protocol. @category models @since 0.1.0 */
export type Protocol = "tcp" | "udp"

/** Hints for `getaddrinfo` (struct addrinfo). @category models @since 0.1.0 */
export interface Hints {
  /** Default: both. */
  readonly family?: 4 | 6 | undefined
  /** Default: both. */
  readonly socktype?: Socktype | undefined
  /** Default: both. */
  readonly protocol?: Protocol | undefined
  /**
   * Returns the wildcard addresses, to listen on, where no host is given (AI_PASSIVE). Default false: the loopback
   * addresses.
   */
  readonly passive?: boolean | undefined
  /** Accepts an IP literal only, and does not query the name service (AI_NUMERICHOST). Default false. */
  readonly numericHost?: boolean | undefined
  /** Accepts a port number only (AI_NUMERICSERV). Default false. */
  readonly numericService?: boolean | undefined
  /** Returns the canonical name with the first result (AI_CANONNAME). Default false. */
  readonly canonicalName?: boolean | undefined
  /**
   * Excludes a family of which this host has no address except loopback (AI_ADDRCONFIG). Default false.
   *
   * IP literals are not affected, and neither is a host that has loopback addresses only.
   */
  readonly addressConfig?: boolean | undefined
  /** Maps the IPv4 addresses of a host without IPv6 to ::ffff:a.b.c.d, with family 6 (AI_V4MAPPED). Default false. */
  readonly v4mapped?: boolean | undefined
}

/** A socket address of a service (struct addrinfo). @category models @since 0.1.0 */
export interface AddressInfo {
  readonly family: 4 | 6
  readonly socktype: Socktype
  readonly protocol: Protocol
  readonly address: NetAddress.InetAddress
  /** Canonical name of the host; on the first result only, if requested. */
  readonly canonicalName?: string | undefined
}

type Transport = Pick<AddressInfo, "socktype" | "protocol">

const allTransports: ReadonlyArray<Transport> = [
  { socktype: "stream", protocol: "tcp" },
  { socktype: "dgram", protocol: "udp" }
]

/** Returns the transports that the hints allow and that have the service, each with its port. */
const resolveService = Effect.fnUntraced(function* (
  service: string | number | undefined,
  { numericService, protocol, socktype }: Hints
): Effect.fn.Return<Arr.NonEmptyReadonlyArray<Transport & { readonly port: number }>, AddressInfoError, ServiceNames> {
  const allowed = allTransports.filter(
    (each) => each.socktype === (socktype ?? each.socktype) && each.protocol === (protocol ?? each.protocol)
  )
  if (!Arr.isArrayNonEmpty(allowed)) return yield* fail(new SocktypeMismatch({ socktype, protocol }))
  if (service === undefined) return Arr.map(allowed, (each) => ({ ...each, port: 0 }))
  if (numericService && !/^[-+]?\d+$/.test(`${service}`)) {
    return yield* fail(new NotNumeric({ what: "service", value: `${service}` }))
  }
  const names = yield* ServiceNames
  const found = Arr.filterMap(allowed, (each) =>
    Result.map(names.resolve(service, each.protocol), (port) => ({ ...each, port }))
  )
  if (Arr.isArrayNonEmpty(found)) return found
  // No protocol has a name with a space in it, so this fails for certain, with the right message.
  const protocols = allowed.map((each) => each.protocol).join(" or ")
  return yield* fail(new ServiceNotFound({ cause: Result.getOrThrow(Result.flip(names.resolve(service, protocols))) }))
})

/**
 * Finds the source address that the system would use for each destination, by connecting a UDP socket, which sends
 * nothing. libc does the same. A destination that cannot be connected to has no source.
 *
 * @category resolving
 * @since 0.1.0
 */
export const candidates = Effect.fnUntraced(function* (addresses: ReadonlyArray<NetAddress.InetAddress>) {
  const network = yield* Network
  const interfaces = yield* network.interfaces
  const prefixOf = (source: NetAddress.IpAddress) =>
    interfaces.find(({ address }) => Equal.equals(address.address, source))?.address.prefixLength
  const sourceOf = (address: NetAddress.InetAddress) => {
    const host = NetAddress.isInetAddressV4(address) ? "0.0.0.0" : "::"
    const remote = { address: NetAddress.formatHost(address), port: 9 }
    return network
      .udp({ host, remote }, () => {})
      .pipe(
        Effect.map(({ local }) => NetAddress.toCanonical(local.address)),
        Effect.orElseSucceed(() => undefined),
        Effect.scoped
      )
  }
  const candidateOf = (address: NetAddress.InetAddress) =>
    Effect.map(sourceOf(address), (source) => ({
      address,
      destination: address.address,
      source,
      prefixLength: source && prefixOf(source)
    }))
  return yield* Effect.forEach(addresses, candidateOf, { concurrency: 8 })
})

/**
 * Sorts addresses by RFC 6724 for this host, with the tables of `AddressOrder.CurrentOptions`. A single address is
 * returned unchecked.
 *
 * @category resolving
 * @since 0.1.0
 */
export const sort = Effect.fnUntraced(function* (addresses: Arr.NonEmptyReadonlyArray<NetAddress.InetAddress>) {
  if (addresses.length === 1) return addresses
  const options = yield* yield* AddressOrder.CurrentOptions
  const sorted = AddressOrder.sort(yield* candidates(addresses), options).map(({ address }) => address)
  return sorted as unknown as Arr.NonEmptyReadonlyArray<NetAddress.InetAddress>
})

const isConfigured = (interfaces: ReadonlyArray<Interface>, family: 4 | 6): boolean =>
  interfaces.some(
    ({ address: { address } }) => NetAddress.isFamily(address, `IPv${family}`) && !NetAddress.isLoopback(address)
  )

/**
 * Returns the family after ADDRCONFIG, which excludes one only if exactly one is configured: a host with loopback
 * addresses only can still reach itself.
 */
const configuredFamily = Effect.fnUntraced(function* ({ addressConfig, family, v4mapped }: Hints) {
  if (!addressConfig || (family === 6 && v4mapped)) return family
  const interfaces = yield* (yield* Network).interfaces
  const [has4, has6] = [isConfigured(interfaces, 4), isConfigured(interfaces, 6)]
  if (has4 === has6) return family
  const only = has4 ? 4 : 6
  return family === undefined || family === only ? only : yield* fail(new FamilyNotConfigured({ family }))
})

const toInetAddress = (address: NetAddress.IpAddress) => NetAddress.inetAddressUnsafe(address, 0)

const toMapped = (address: NetAddress.IpAddress) =>
  NetAddress.isIpv4Address(address) ? NetAddress.toIpv4Mapped(address) : address

/** Parses an IP literal and looks its zone up among the interfaces. Returns undefined for a name. */
const fromLiteral = Effect.fnUntraced(function* (host: string) {
  const plain = NetAddress.ipFromString(host)
  if (Result.isSuccess(plain)) return toInetAddress(plain.success)
  const scoped = NetAddress.scopedIpv6LiteralFromString(host)
  if (Result.isFailure(scoped)) return undefined
  const interfaces = yield* (yield* Network).interfaces
  const zones = new Map(
    interfaces.flatMap(({ index = 0, name, scopeId }) => {
      const zone = scopeId === 0 ? index : scopeId
      return zone > 0 ? [[name, zone] as const] : []
    })
  )
  return yield* Effect.mapError(Effect.fromResult(NetAddress.inetAddressFromHostString(scoped.success, 0, zones)), () =>
    fail(new UnknownZone({ host, zone: scoped.success.replace(/.*%/, "") }))
  )
})

const requireFamily = (
  host: string,
  address: NetAddress.InetAddress,
  { family, v4mapped }: Hints
): Effect.Effect<NetAddress.InetAddress, AddressInfoError> => {
  if (family === undefined || NetAddress.isFamily(address, `IPv${family}`)) return Effect.succeed(address)
  return v4mapped && family === 6
    ? Effect.succeed(toInetAddress(toMapped(address.address)))
    : Effect.fail(fail(new HostEntry.FamilyMismatch({ host, family })))
}

const fromName = Effect.fnUntraced(function* (host: string, hints: Hints) {
  const found = HostEntry.lookup(host, yield* configuredFamily(hints))
  const mapped = Effect.map(HostEntry.lookup(host, 4), (addresses) => Arr.map(addresses, toMapped))
  const isMissing = ({ reason }: HostEntry.HostEntryError) => reason._tag === "NameNotFound"
  return yield* (hints.v4mapped && hints.family === 6 ? Effect.catchIf(found, isMissing, () => mapped) : found).pipe(
    Effect.map((addresses) => Arr.map(addresses, toInetAddress)),
    Effect.mapError(({ reason }) => fail(reason))
  )
})

const localAddresses = Effect.fnUntraced(function* (hints: Hints) {
  const family = yield* configuredFamily(hints)
  const v4 = toInetAddress(hints.passive ? NetAddress.ipv4Unspecified : NetAddress.ipv4Loopback)
  const v6 = toInetAddress(hints.passive ? NetAddress.ipv6Unspecified : NetAddress.ipv6Loopback)
  return family === undefined ? ([v6, v4] as const) : ([family === 4 ? v4 : v6] as const)
})

const addressesOf = Effect.fnUntraced(function* (
  host: string | undefined,
  hints: Hints
): Effect.fn.Return<Arr.NonEmptyReadonlyArray<NetAddress.InetAddress>, AddressInfoError, Dns.Dns | Network> {
  if (host === undefined) return yield* sort(yield* localAddresses(hints))
  const literal = yield* fromLiteral(host)
  if (literal !== undefined) return Arr.of(yield* requireFamily(host, literal, hints))
  if (hints.numericHost) return yield* fail(new NotNumeric({ what: "host", value: host }))
  return yield* sort(yield* fromName(host, hints))
})

/**
 * Resolves a host and a service to addresses, in the order in which to try them (RFC 6724). Each is
 * returned once for every transport that the hints allow.
 *
 * The host is a name, an IP literal, a literal with a zone such as `fe80::1%eth0`, or undefined for this host. The
 * service is a name, a port from 0 to 65535, or undefined for port 0. A service name selects the transports it is
 * registered for.
 *
 * @category resolving
 * @since 0.1.0
 */
export const getaddrinfo = Effect.fnUntraced(function* (
  host: string | undefined,
  service: string | number | undefined,
  hints: Hints = {}
): Effect.fn.Return<Arr.NonEmptyReadonlyArray<AddressInfo>, AddressInfoError, Dns.Dns | Network | ServiceNames> {
  const transports = yield* resolveService(service, hints)
  const addresses = yield* addressesOf(host, hints)
  const [first, ...rest] = Arr.flatMap(addresses, ({ address, ...more }) =>
    Arr.map(transports, ({ port, protocol, socktype }) => ({
      family: NetAddress.isIpv4Address(address) ? (4 as const) : (6 as const),
      socktype,
      protocol,
      address: NetAddress.inetAddressFromInputUnsafe({ ...more, address, port })
    }))
  )
  if (host === undefined || !hints.canonicalName) return [first, ...rest]
  return [{ ...first, canonicalName: Arr.lastNonEmpty(yield* HostEntry.followAliases(host)) }, ...rest]
})
