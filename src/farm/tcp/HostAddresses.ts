/** The hosts behind a name with several addresses. */
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as AddressInfo from "../../network/names/AddressInfo.ts"
import type { ConnectionFailure } from "./RemoteHost.ts"

/** A host as it is written: a name or an IP literal, and a port number or service name. */
export interface Place {
  readonly host: string
  readonly service: string | number
}

/** A host behind a name. */
export interface Target {
  /** One of its addresses: it identifies the host when the name is resolved again. */
  readonly address: string
  /** The address to connect to, or the name if the host has one of each family. */
  readonly host: string
}

/** Returns true for an IP literal, with or without a zone. */
export const isLiteral = ({ host }: Place): boolean =>
  Result.isSuccess(NetAddress.ipFromString(host.replace(/%.*/, "")))

/**
 * Returns the hosts behind the addresses of a name, in their order. Each IPv4 address is one, or if there is none, each
 * IPv6 address. A machine often has IPv6 addresses as well, even several, so these are other ways to the same
 * hosts: one with a single IPv4 address is reached by any.
 */
export const targetsOf = (
  name: string,
  addresses: Arr.NonEmptyReadonlyArray<NetAddress.InetAddress>
): ReadonlyArray<Target> => {
  const v4 = addresses.filter(NetAddress.isInetAddressV4)
  const texts = new Set((v4.length > 0 ? v4 : addresses).map(NetAddress.formatHost))
  const isReachedByAny = texts.size === 1 && v4.length < addresses.length
  return Array.from(texts, (address) => ({ address, host: isReachedByAny ? name : address }))
}

/** Errors of a name that may be resolved later. */
const temporary: ReadonlySet<AddressInfo.Reason["_tag"]> = new Set(["NameNotFound", "Temporary", "Failed"])

/** Returns true for a port or service name that no host has, which another attempt would meet again. */
export const isServiceError = (error: unknown): boolean =>
  error instanceof AddressInfo.AddressInfoError && error.reason._tag === "ServiceNotFound"

/** Resolves a name to its hosts. */
export const resolve = ({ host, service }: Place, timeoutMillis: number) =>
  AddressInfo.getaddrinfo(host, service, { socktype: "stream" }).pipe(
    Effect.mapError(
      ({ message, reason }): ConnectionFailure => ({ message, isPermanent: !temporary.has(reason._tag) })
    ),
    Effect.timeoutOrElse({
      duration: timeoutMillis,
      orElse: () =>
        Effect.fail({ message: `the name is not resolved within ${timeoutMillis / 1_000} s`, isPermanent: false })
    }),
    Effect.map(([first, ...rest]) => targetsOf(host, [first.address, ...rest.map(({ address }) => address)]))
  )
