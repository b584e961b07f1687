/** Limits of the connections of a server: admission and deadlines. Pure: traffic and time in ms are arguments. */
import type * as Network from "./Network.ts"

/** Limits of a server. */
export interface ConnectionLimits {
  readonly maxConnections: number
  readonly maxConnectionsPerPeer: number
  readonly idleTimeoutMillis: number
  readonly writeTimeoutMillis: number
}

/** Reason to refuse a connection. @category models @since 0.1.0 */
export type RefusalReason = "MaxConnections" | "MaxConnectionsPerPeer"

/** Reason to end a connection: no traffic in either direction, or a peer that does not read. */
export type TimeoutReason = "Idle" | "NotReading"

/** Activity of a connection: its traffic, and since when it has had none. */
export interface Activity {
  /** `Ending`: the server refused or ended the connection, at `sinceMillis`; its handler has the grace period. */
  readonly phase: "Open" | "Ending"
  readonly traffic: Network.Traffic
  readonly sinceMillis: number
}

/** Time for a handler whose connection was ended, and for a client that reads the busy message. */
export const gracePeriodMillis = 1_000

const noTraffic: Network.Traffic = { received: 0, sent: 0, unsent: 0 }

/** Returns the reason to refuse one more connection, or undefined. */
export const refusalReason = (
  limits: ConnectionLimits,
  active: number,
  activeFromPeer: number
): RefusalReason | undefined =>
  active >= limits.maxConnections
    ? "MaxConnections"
    : activeFromPeer >= limits.maxConnectionsPerPeer
      ? "MaxConnectionsPerPeer"
      : undefined

/** Returns the activity of a new connection. */
export const start = (phase: Activity["phase"], nowMillis: number): Activity => ({
  phase,
  traffic: noTraffic,
  sinceMillis: nowMillis
})

/** Returns the activity after a look at the traffic; the same object for a connection without any. */
export const observe = (activity: Activity, traffic: Network.Traffic, nowMillis: number): Activity => {
  const { phase, sinceMillis, traffic: previous } = activity
  const hasMoved = traffic.received !== previous.received || traffic.sent !== previous.sent
  if (!hasMoved && traffic.unsent === previous.unsent) return activity
  return { phase, traffic, sinceMillis: hasMoved && phase === "Open" ? nowMillis : sinceMillis }
}

/** Returns the deadline that a connection has missed. `Grace`: its handler has not ended within the grace period. */
export const missedDeadline = (
  limits: ConnectionLimits,
  { phase, sinceMillis, traffic }: Activity,
  nowMillis: number
): TimeoutReason | "Grace" | undefined => {
  const millis = nowMillis - sinceMillis
  if (phase === "Ending") return millis >= gracePeriodMillis ? "Grace" : undefined
  if (traffic.unsent > 0) return millis >= limits.writeTimeoutMillis ? "NotReading" : undefined
  return millis >= limits.idleTimeoutMillis ? "Idle" : undefined
}
