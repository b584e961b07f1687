/** Conversion of Node's errors and addresses to those of `Network`. */

import * as Os from "node:os"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import { NetworkError, type Reason } from "../Network.ts"

const reasons: Readonly<Record<string, Reason>> = {
  EADDRINUSE: "AddressInUse",
  EADDRNOTAVAIL: "AddressNotAvailable",
  ENAMETOOLONG: "InvalidAddress",
  ENOENT: "AddressNotAvailable",
  ENODEV: "AddressNotAvailable",
  EINVAL: "InvalidAddress",
  EAFNOSUPPORT: "InvalidAddress",
  ENOPROTOOPT: "InvalidAddress",
  EACCES: "PermissionDenied",
  EPERM: "PermissionDenied",
  ECONNREFUSED: "Refused",
  ECONNRESET: "Reset",
  EPIPE: "Reset",
  ETIMEDOUT: "TimedOut",
  EMSGSIZE: "MessageTooLarge",
  EHOSTUNREACH: "Unreachable",
  ENETUNREACH: "Unreachable",
  EMFILE: "NoDescriptors",
  ENFILE: "NoDescriptors",
  ERR_SOCKET_DGRAM_IS_CONNECTED: "IsConnected",
  ERR_SOCKET_BAD_PORT: "InvalidAddress",
  ERR_MISSING_ARGS: "InvalidAddress",
  ERR_SOCKET_DGRAM_NOT_RUNNING: "Closed",
  ERR_STREAM_WRITE_AFTER_END: "Closed",
  ERR_STREAM_DESTROYED: "Closed"
}

export const networkError = (cause: unknown, address?: NetAddress.SocketAddress) =>
  new NetworkError({ reason: reasons[(cause as NodeJS.ErrnoException).code ?? ""] ?? "Unknown", cause, address })

/** Returns the IPv6 zones: interface names and their indices. Without a free descriptor they cannot be read. */
const scopeIds = () => NetAddress.scopeIdsFromInterfaces(Object.entries(Os.networkInterfaces()))

const noScopeIds: ReturnType<typeof scopeIds> = new Map()

/** Converts an address from Node; the interfaces are read only for a named zone. */
export const inetAddress = (host: string, port: number): NetAddress.InetAddress =>
  NetAddress.inetAddressFromNativeUnsafe(host, port, host.includes("%") ? scopeIds() : undefined)

/** Parses an address from a caller, since Node would throw for an invalid one. Reads the interfaces as seldom. */
export const parseAddress = (host: string, port: number): Effect.Effect<NetAddress.InetAddress, NetworkError> =>
  Effect.suspend(() =>
    Result.match(NetAddress.inetAddressFromHostString(host, port, host.includes("%") ? scopeIds() : noScopeIds), {
      onFailure: ({ message }) => {
        const cause = new Error(
          `invalid address ${host} port ${port}: ${message}; give an IP literal such as 127.0.0.1 or ::1`
        )
        return Effect.fail(new NetworkError({ reason: "InvalidAddress", cause }))
      },
      onSuccess: Effect.succeed
    })
  )
