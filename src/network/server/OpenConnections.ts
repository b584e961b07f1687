/** The open connections of a server, for its observers. */
import type * as NetAddress from "effect/net/NetAddress"
import type * as Network from "../Network.ts"
import type { ConnectionTable } from "./ConnectionTable.ts"

/** An open connection of a client. */
export interface OpenConnection {
  /** That of its `ConnectionContext`. */
  readonly id: number
  readonly remote: NetAddress.SocketAddress
  /** Time of its acceptance, in milliseconds since 1970. */
  readonly acceptedAtMillis: number
  readonly traffic: Network.Traffic
}

/**
 * Returns the connections that a server serves, in the order of their acceptance. `epochMillis` is the time of day at
 * the time 0 of its sweeper.
 */
export const list = <R>({ connections }: ConnectionTable<R>, epochMillis: number): ReadonlyArray<OpenConnection> => {
  const open: Array<OpenConnection> = []
  for (const { acceptedAtMillis: accepted, connection, id } of connections) {
    // A connection without a number is refused, or its PROXY header is read.
    if (id === undefined) continue
    const acceptedAtMillis = Math.round(epochMillis + accepted)
    open.push({ id, remote: connection.remote, acceptedAtMillis, traffic: connection.traffic() })
  }
  return open
}
