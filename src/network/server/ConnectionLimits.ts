/** Limits of the connections of a server: admission and deadlines. Pure: traffic and time in ms are arguments. */
import type * as Network from "../Network.ts"
import type * as AccessList from "./AccessList.ts"
import type * as ConnectionRates from "./ConnectionRates.ts"

/** Limits of a server. */
export interface ConnectionLimits extends AccessList.AccessList, ConnectionRates.RateLimits {
  readonly maxConnections: number
  readonly maxConnectionsPerPeer: number
  readonly idleTimeoutMillis: number
  readonly writeTimeoutMillis: number
  readonly drainMillis: number
  readonly busyMessage: string | undefined
}

/** Reasons to refuse a connection. */
export const refusalReasons = [
  "MaxConnections",
  "MaxConnectionsPerPeer",
  /** The address of the client does not match `allow`, or matches `deny`. */
  "NotAllowed",
  /** The client, or all clients together, connect more often than the limit. */
  "RateExceeded",
  /** The process cannot open more files: the network refused the connection. */
  "NoDescriptors",
  /** The PROXY header is missing, malformed or late. */
  "InvalidProxyHeader"
] as const

/** Reason to refuse a connection. @category models @since 0.1.0 */
export type RefusalReason = (typeof refusalReasons)[number]

/** Reason to end a connection: no traffic in either direction, or a peer that does not read. */
export type TimeoutReason = "Idle" | "NotReading"

/**
 * Counter of the data that a client has sent to its service, such as complete lines; undefined where all bytes are
 * data. A server measures idle time by it, so that neither telnet commands nor the start of a line prolong it.
 */
export interface DataCounter {
  count: number | undefined
}

/** Activity of a connection: its traffic, and since when it has had none. */
export interface Activity {
  /**
   * `Header`: the PROXY header is read since `sinceMillis`. `Ending`: the server refused or ended the connection, at
   * `sinceMillis`; its handler has the grace period.
   */
  readonly phase: "Header" | "Open" | "Ending"
  readonly traffic: Network.Traffic
  /** Data received: the number in `DataCounter`, else of bytes. */
  readonly dataCount: number
  readonly sinceMillis: number
}

/** Time for a handler whose connection was ended, and for a client that reads the busy message. */
export const gracePeriodMillis = 1_000

/** Time in which a proxy must send its header. */
const headerTimeoutMillis = 5_000

const noTraffic: Network.Traffic = { received: 0, sent: 0, unsent: 0 }

/** Returns the reason to refuse one more connection, or undefined. */
export const refusalReason = (
  limits: Pick<ConnectionLimits, "maxConnections" | "maxConnectionsPerPeer">,
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
  dataCount: 0,
  sinceMillis: nowMillis
})

/** Returns the activity after a look at the traffic; the same object for a connection without any. */
export const observe = (
  activity: Activity,
  traffic: Network.Traffic,
  nowMillis: number,
  { count }: DataCounter = { count: undefined }
): Activity => {
  const { dataCount: previousCount, phase, sinceMillis, traffic: previous } = activity
  const dataCount = count ?? traffic.received
  const hasMoved = dataCount !== previousCount || traffic.sent !== previous.sent
  if (!hasMoved && traffic.received === previous.received && traffic.unsent === previous.unsent) return activity
  return { phase, traffic, dataCount, sinceMillis: hasMoved && phase === "Open" ? nowMillis : sinceMillis }
}

/**
 * Returns the deadline that a connection has missed. `Header`: the PROXY header is late. `Grace`: its handler has not
 * ended within the grace period.
 */
export const missedDeadline = (
  limits: Pick<ConnectionLimits, "idleTimeoutMillis" | "writeTimeoutMillis">,
  { phase, sinceMillis, traffic }: Activity,
  nowMillis: number
): TimeoutReason | "Header" | "Grace" | undefined => {
  const millis = nowMillis - sinceMillis
  if (phase === "Header") return millis >= headerTimeoutMillis ? "Header" : undefined
  if (phase === "Ending") return millis >= gracePeriodMillis ? "Grace" : undefined
  if (traffic.unsent > 0) return millis >= limits.writeTimeoutMillis ? "NotReading" : undefined
  return millis >= limits.idleTimeoutMillis ? "Idle" : undefined
}
