/**
 * gethostbyname over the hosts file and the `Dns` service: the names and addresses of a host. To connect,
 * `AddressInfo.getaddrinfo` is the better choice.
 */
import * as Arr from "effect/Array"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import type * as FileSystem from "effect/FileSystem"
import * as Dns from "effect/net/Dns"
import * as Host from "effect/net/Host"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as RegularFile from "../files/RegularFile.ts"

/**
 * Reason: the name is unknown, or has no address of the requested family (HOST_NOT_FOUND, EAI_NONAME).
 *
 * @category errors
 * @since 0.1.0
 */
export class NameNotFound extends Data.TaggedClass("NameNotFound")<{
  readonly host: string
  readonly family?: 4 | 6 | undefined
}> {
  get message(): string {
    return `${this.host}: no such host${this.family === undefined ? "" : `, or none with an IPv${this.family} address`}`
  }
}

/** Reason: the name service does not answer at present (TRY_AGAIN, EAI_AGAIN). @category errors @since 0.1.0 */
export class Temporary extends Data.TaggedClass("Temporary")<{ readonly host: string; readonly cause: Dns.DnsError }> {
  get message(): string {
    return `${this.host}: the name service does not answer (${this.cause.reason}); try again later`
  }
}

/** Reason: the name service failed permanently (NO_RECOVERY, EAI_FAIL). @category errors @since 0.1.0 */
export class Failed extends Data.TaggedClass("Failed")<{ readonly host: string; readonly cause: Dns.DnsError }> {
  get message(): string {
    return `${this.host}: the name service failed (${this.cause.reason})`
  }
}

/** Reason: the host is neither a name nor an IP literal. @category errors @since 0.1.0 */
export class MalformedHost extends Data.TaggedClass("MalformedHost")<{ readonly host: string; readonly why: string }> {
  get message(): string {
    return `${JSON.stringify(this.host)} is not a host: ${this.why}`
  }
}

/** Reason: the IP literal is of the other family (NO_DATA, EAI_ADDRFAMILY). @category errors @since 0.1.0 */
export class FamilyMismatch extends Data.TaggedClass("FamilyMismatch")<{
  readonly host: string
  readonly family: 4 | 6
}> {
  get message(): string {
    return `${this.host} is not an IPv${this.family} address: leave the family out, or give an IPv${this.family} address`
  }
}

/** Reason for a failed look-up. @category errors @since 0.1.0 */
export type Reason = NameNotFound | Temporary | Failed | MalformedHost | FamilyMismatch

/** Failure of a host look-up. @category errors @since 0.1.0 */
export class HostEntryError extends Data.TaggedError("HostEntryError")<{ readonly reason: Reason }> {
  override get message(): string {
    return this.reason.message
  }
}

/** A host with its names and addresses (struct hostent). @category models @since 0.1.0 */
export interface HostEntry {
  /** Canonical name. */
  readonly name: string
  readonly aliases: ReadonlyArray<string>
  /** Family of all addresses. */
  readonly family: 4 | 6
  readonly addresses: Arr.NonEmptyReadonlyArray<NetAddress.IpAddress>
}

/** A line of a hosts file. @category models @since 0.1.0 */
export interface HostsLine {
  readonly address: NetAddress.IpAddress
  /** Canonical name, then aliases. */
  readonly names: Arr.NonEmptyReadonlyArray<string>
}

/**
 * Parses a hosts file; lines without an address or a name are skipped. Never throws.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parseHosts = (text: string): ReadonlyArray<HostsLine> =>
  text.split(/\r?\n/).flatMap((line) => {
    const [first = "", ...names] = line.replace(/#.*/, "").trim().split(/\s+/)
    const address = NetAddress.ipFromString(first)
    return Result.isSuccess(address) && Arr.isArrayNonEmpty(names) ? [{ address: address.success, names }] : []
  })

const entryOf = (
  names: Arr.NonEmptyReadonlyArray<string>,
  addresses: ReadonlyArray<NetAddress.IpAddress>,
  family: 4 | 6 | undefined
): HostEntry | undefined => {
  if (family === undefined) return entryOf(names, addresses, 4) ?? entryOf(names, addresses, 6)
  const found = Arr.dedupe(addresses.filter((address) => NetAddress.isFamily(address, `IPv${family}`)))
  const [name, ...aliases] = Arr.dedupe(names)
  return Arr.isArrayNonEmpty(found) ? { name, aliases, family, addresses: found } : undefined
}

/**
 * Looks a name up in the lines of a hosts file.
 *
 * The first name of the first matching line is canonical; all other names on matching lines are aliases. Case does not
 * matter. Without a family IPv4 precedes IPv6.
 *
 * @category getters
 * @since 0.1.0
 */
export const fromHosts = (lines: ReadonlyArray<HostsLine>, name: string, family?: 4 | 6): HostEntry | undefined => {
  if (family === undefined) return fromHosts(lines, name, 4) ?? fromHosts(lines, name, 6)
  const wanted = name.toLowerCase().replace(/\.$/, "")
  const matching = lines.filter(
    ({ address, names }) =>
      NetAddress.isFamily(address, `IPv${family}`) && names.some((known) => known.toLowerCase() === wanted)
  )
  const names = matching.flatMap((line) => line.names)
  const addresses = matching.map((line) => line.address)
  return Arr.isArrayNonEmpty(names) ? entryOf(names, addresses, family) : undefined
}

const reasonOf = (host: string, family: 4 | 6 | undefined, cause: Dns.DnsError): Reason => {
  if (cause.reason === "NotFound") return new NameNotFound({ host, family })
  return cause.isTemporary ? new Temporary({ host, cause }) : new Failed({ host, cause })
}

const isUnder = (name: Host.DomainName, domain: string): boolean => `.${Host.toRelative(name)}`.endsWith(`.${domain}`)

const loopback = (family: 4 | 6 | undefined): Arr.NonEmptyReadonlyArray<NetAddress.IpAddress> =>
  family === undefined
    ? NetAddress.loopbackAddresses
    : [family === 4 ? NetAddress.ipv4Loopback : NetAddress.ipv6Loopback]

/**
 * Looks up the addresses of a name with `Dns`. By RFC 6761, section 6, `localhost` is always this host, and names under
 * `invalid` fail without a query.
 *
 * @category resolving
 * @since 0.1.0
 */
export const lookup = Effect.fnUntraced(function* (
  name: string,
  family?: 4 | 6
): Effect.fn.Return<Arr.NonEmptyReadonlyArray<NetAddress.IpAddress>, HostEntryError, Dns.Dns> {
  const domain = Host.domainNameFromString(name)
  if (Result.isFailure(domain)) {
    return yield* new HostEntryError({ reason: new MalformedHost({ host: name, why: domain.failure.message }) })
  }
  if (isUnder(domain.success, "invalid")) return yield* new HostEntryError({ reason: new NameNotFound({ host: name }) })
  const dns = yield* Dns.Dns
  return yield* dns.lookup(name, { family: family && `IPv${family}` }).pipe(
    Effect.catchIf(
      (error) => error.reason === "NotFound" && isUnder(domain.success, "localhost"),
      () => Effect.succeed(loopback(family))
    ),
    Effect.mapError((cause) => new HostEntryError({ reason: reasonOf(name, family, cause) }))
  )
})

/** Bounds of following aliases: number of names, and time in all. */
const maxAliases = 8
const aliasTimeout = "2 seconds"

/**
 * Follows the aliases (CNAME) of a name; returns it and each target, the canonical name last.
 *
 * Best effort: ends after 8 names, at a loop, after two seconds, or when the name service does not answer.
 *
 * @category resolving
 * @since 0.1.0
 */
export const followAliases = Effect.fnUntraced(function* (name: string) {
  const dns = yield* Dns.Dns
  const chain: [string, ...Array<string>] = [name]
  const follow = Effect.gen(function* () {
    while (chain.length < maxAliases) {
      const [record] = yield* dns.resolve(chain.at(-1)!, "CNAME")
      const target = Host.toRelative(record.target)
      if (chain.includes(target)) return
      chain.push(target)
    }
  })
  yield* Effect.ignore(Effect.timeoutOption(follow, aliasTimeout))
  return chain as Arr.NonEmptyReadonlyArray<string>
})

/** Options of a host look-up. @category models @since 0.1.0 */
export interface Options {
  /** Family of the addresses. Default: IPv4, and IPv6 for a host without IPv4. */
  readonly family?: 4 | 6 | undefined
  /**
   * Hosts file, a regular file of at most 64 MiB. Default `/etc/hosts`; any other file counts as empty and is logged.
   */
  readonly hostsFile?: string | undefined
}

/**
 * Reads a hosts file, a regular file of at most 64 MiB; any other file counts as empty and is logged.
 *
 * @category resolving
 * @since 0.1.0
 */
export const readHosts = (path: string): Effect.Effect<ReadonlyArray<HostsLine>, never, FileSystem.FileSystem> =>
  RegularFile.readText(path, RegularFile.systemFileBytes).pipe(
    Effect.catch(({ message, reason }) =>
      Effect.as(
        reason === "NotFound" ? Effect.void : Effect.logWarning(`${path}: ${message}; looking up without the file`),
        ""
      )
    ),
    Effect.map(parseHosts)
  )

/**
 * Looks up a host, first in the hosts file, then with `Dns`. An IP literal is its own canonical name.
 *
 * @category resolving
 * @since 0.1.0
 */
export const gethostbyname = Effect.fnUntraced(function* (
  host: string,
  { family, hostsFile = "/etc/hosts" }: Options = {}
): Effect.fn.Return<HostEntry, HostEntryError, Dns.Dns | FileSystem.FileSystem> {
  const mismatch = new FamilyMismatch({ host, family: family ?? 4 })
  const entryOrMismatch = (names: Arr.NonEmptyReadonlyArray<string>, addresses: ReadonlyArray<NetAddress.IpAddress>) =>
    Effect.fromNullishOr(entryOf(names, addresses, family)).pipe(
      Effect.mapError(() => new HostEntryError({ reason: mismatch }))
    )
  const literal = NetAddress.ipFromString(host)
  if (Result.isSuccess(literal)) return yield* entryOrMismatch([host], [literal.success])
  const inHostsFile = fromHosts(yield* readHosts(hostsFile), host, family)
  if (inHostsFile !== undefined) return inHostsFile
  const addresses = yield* lookup(host, family)
  return yield* entryOrMismatch(Arr.reverse(yield* followAliases(host)), addresses)
})

/**
 * Looks up the names of an address, first in the hosts file, then with `Dns`. The canonical name comes first.
 *
 * @category resolving
 * @since 0.1.0
 */
export const gethostbyaddr = Effect.fnUntraced(function* (
  address: NetAddress.IpAddress,
  { hostsFile = "/etc/hosts" }: Pick<Options, "hostsFile"> = {}
): Effect.fn.Return<Arr.NonEmptyReadonlyArray<string>, Dns.DnsError, Dns.Dns | FileSystem.FileSystem> {
  const found = (yield* readHosts(hostsFile)).find((line) => Equal.equals(line.address, address))
  return found === undefined ? yield* (yield* Dns.Dns).reverse(address) : found.names
})
