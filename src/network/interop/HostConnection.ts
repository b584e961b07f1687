/** Connections of clients to a host that is given by name. */
import * as Effect from "effect/Effect"
import type * as Dns from "effect/net/Dns"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { type Connection, Network, NetworkError } from "../Network.ts"
import * as TcpClient from "../TcpClient.ts"

/** Services with which a connection is opened. */
export interface Connector {
  readonly network: Network["Service"]
  readonly dns: Dns.Dns["Service"]
}

const loopback = [NetAddress.ipv4Loopback, NetAddress.ipv6Loopback]

/** Returns the addresses of a host: a literal, or those of its name. No resolver is asked for localhost (RFC 6761). */
const addressesOf = Effect.fnUntraced(function* (dns: Dns.Dns["Service"], host: string, port: number) {
  const literal = NetAddress.ipFromString(host.replace(/^\[|\]$/g, ""))
  const found: ReadonlyArray<NetAddress.IpAddress> = Result.isSuccess(literal)
    ? [literal.success]
    : host === "localhost"
      ? loopback
      : yield* dns.lookup(host)
  return found.map((ip) => NetAddress.inetAddressUnsafe(ip, port))
})

/** Returns the error of a race of attempts: that of the first address. */
const raceError = (error: TcpClient.TcpClientError) =>
  new NetworkError({ reason: error.reason.attempts[0]?.error.reason ?? "Unknown", cause: error, text: error.message })

/** Connects to a host, given by name or IP literal; several addresses are tried as `TcpClient.connectAny` does. */
export const connect = Effect.fnUntraced(function* (
  { dns, network }: Connector,
  host: string,
  port: number
): Effect.fn.Return<Connection, NetworkError | Dns.DnsError, Scope.Scope> {
  const [first, ...rest] = yield* addressesOf(dns, host, port)
  if (first === undefined) {
    return yield* new NetworkError({ reason: "Unreachable", text: `${host}: the name has no address` })
  }
  return yield* rest.length === 0
    ? network.connect(first)
    : Effect.mapError(Effect.provideService(TcpClient.connectAny([first, ...rest]), Network, network), raceError)
})
