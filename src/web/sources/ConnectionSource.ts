/** The open connections of a service for the page. */
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as TcpServer from "../../network/TcpServer.ts"
import * as TerminalText from "../../network/TerminalText.ts"
import type * as PageState from "../PageState.ts"
import * as Rows from "./Rows.ts"

const remoteOf = (address: NetAddress.SocketAddress) =>
  NetAddress.isInetAddress(address)
    ? NetAddress.formatInet(address)
    : TerminalText.escape(address.path) || "unix socket"

const toRow = (
  service: string,
  { acceptedAtMillis, id, remote, traffic }: TcpServer.OpenConnection
): PageState.Connection => ({
  service,
  id,
  remote: remoteOf(remote),
  sinceMillis: acceptedAtMillis,
  bytesReceived: traffic.received,
  bytesSent: traffic.sent
})

/** Returns the rows of the newest connections, in the order of their acceptance, and the number of the others. */
export const make = (
  service: string,
  connections: Effect.Effect<ReadonlyArray<TcpServer.OpenConnection>>
): Effect.Effect<PageState.Snapshot["connections"]> => {
  const name = TerminalText.escape(service)
  return Effect.map(connections, (all) => ({
    rows: all.slice(-Rows.maxRows).map((connection) => toRow(name, connection)),
    omitted: Math.max(0, all.length - Rows.maxRows)
  }))
}
