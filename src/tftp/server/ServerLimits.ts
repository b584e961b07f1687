/** The limits of a server with their defaults, and the reasons to refuse a request. Pure. */
import * as Duration from "effect/Duration"
import type * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"
import * as Endpoint from "../../network/Endpoint.ts"
import * as AccessList from "../../network/server/AccessList.ts"
import type * as Negotiation from "../protocol/Negotiation.ts"
import * as Packet from "../protocol/Packet.ts"

/**
 * Limits of a server, which can change while it runs. Running transfers keep those that they began with.
 *
 * @category models
 * @since 0.1.0
 */
export interface Limits {
  /** The largest block granted, in bytes, 8 to 65,464 (RFC 2348). Default 65,464. */
  readonly blksize?: number | undefined
  /** The largest window granted, in blocks (RFC 7440). Default 64. */
  readonly windowsize?: number | undefined
  /** The MTU of the link, in bytes: no block is granted that would be fragmented. Default: no such limit. */
  readonly mtu?: number | undefined
  /** The names of options that are ignored as if the server did not know them. Default: none. */
  readonly refuse?: ReadonlyArray<string> | undefined
  /** Networks whose clients are served; others get ERROR 2. Default: all. */
  readonly allow?: ReadonlyArray<IpNetwork.IpNetwork> | undefined
  /** Networks whose clients are not served, even if `allow` contains them. Default: none. */
  readonly deny?: ReadonlyArray<IpNetwork.IpNetwork> | undefined
  /** The retransmission timeout for clients that ask for none. Default: it adapts to the round trip time. */
  readonly timeout?: Duration.Input | undefined
  /** The number of times a packet is sent again. Default 9, or 5 if server or client have set the timeout. */
  readonly retries?: number | undefined
  /** The most packets to a client that has not replied yet, as its address may be forged. Default 3. */
  readonly maxUnvalidatedPackets?: number | undefined
  /**
   * The most concurrent transfers. When they are reached, clients that have not replied yet give way, oldest first.
   * Default 1,024, or fewer if the process has fewer descriptors left.
   */
  readonly maxTransfers?: number | undefined
  /** The same for one client address. Default: no separate limit. */
  readonly maxTransfersPerClient?: number | undefined
  /** The longest duration of one transfer. Default 1 day. */
  readonly deadline?: Duration.Input | undefined
  /** The time that a stopping server gives to transfers in progress. Default 5 seconds. */
  readonly drain?: Duration.Input | undefined
}

/** Limits with their defaults. */
export interface ServerLimits extends AccessList.AccessList {
  readonly policy: Required<Pick<Negotiation.Policy, "blksize" | "windowsize" | "mtu" | "refuse">>
  /** Undefined: it adapts to the round trip time. */
  readonly timeoutMillis: number | undefined
  /** Undefined: the default of the retransmission policy. */
  readonly retries: number | undefined
  readonly maxUnvalidatedPackets: number
  readonly maxTransfers: number
  readonly maxTransfersPerClient: number
  readonly deadlineMillis: number
  readonly drainMillis: number
}

/** Adds the defaults. */
export const make = (limits: Limits, defaultMaxTransfers: number): ServerLimits => ({
  policy: {
    blksize: limits.blksize ?? 65_464,
    windowsize: limits.windowsize ?? 64,
    mtu: limits.mtu,
    refuse: limits.refuse?.map((name) => name.toLowerCase())
  },
  allow: limits.allow,
  deny: limits.deny ?? [],
  timeoutMillis: limits.timeout === undefined ? undefined : Duration.toMillis(limits.timeout),
  retries: limits.retries,
  maxUnvalidatedPackets: limits.maxUnvalidatedPackets ?? 3,
  maxTransfers: limits.maxTransfers ?? defaultMaxTransfers,
  maxTransfersPerClient: limits.maxTransfersPerClient ?? Number.POSITIVE_INFINITY,
  deadlineMillis: Duration.toMillis(limits.deadline ?? "1 day"),
  drainMillis: Duration.toMillis(limits.drain ?? "5 seconds")
})

/** Reason to refuse a request before its file is opened. */
export type RefusalReason = "NotAllowed" | "MaxTransfers" | "MaxTransfersPerClient"

/** The ERROR for the client, and the reason for the log. */
interface Refusal {
  readonly code: number
  readonly peerMessage: string
  readonly detail: (limits: ServerLimits) => string
}

const busy = { code: Packet.ErrorCode.NotDefined, peerMessage: "The server is busy, try again later" }

/** The refusals by their reason. */
export const refusals: Readonly<Record<RefusalReason, Refusal>> = {
  NotAllowed: {
    code: Packet.ErrorCode.AccessViolation,
    peerMessage: "Access violation",
    detail: () => "not served: the address of the client is not allowed; change the networks to allow or to deny"
  },
  MaxTransfers: {
    ...busy,
    detail: ({ maxTransfers }) => `busy: all transfers are in use (limit ${maxTransfers}); raise the limit`
  },
  MaxTransfersPerClient: {
    ...busy,
    detail: ({ maxTransfersPerClient }) =>
      `busy: all transfers of this client are in use (limit ${maxTransfersPerClient}); raise the limit`
  }
}

/** Tests if a client is served. */
export const permits = (limits: AccessList.AccessList, { address, port }: Endpoint.Endpoint): boolean => {
  if (!AccessList.isRestricted(limits)) return true
  const ip = Endpoint.toIp(address)
  return ip !== undefined && AccessList.permits(limits, NetAddress.inetAddressUnsafe(ip, port))
}
