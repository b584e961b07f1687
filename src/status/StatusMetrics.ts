/** The stats of peers and relays, published as Effect metrics too: one set for each service name. */
import type * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import * as MetricSeries from "../network/server/MetricSeries.ts"
import type { State } from "./Peer.ts"
import type * as Transport from "./transport/Transport.ts"
import type { Rejection } from "./wire/HeartbeatReceiver.ts"

/** Counters of a peer: received packets, beside the counters of the transport. @category models @since 0.1.0 */
export interface PeerStats extends Transport.Stats {
  /** Heartbeats accepted. */
  readonly accepted: number
  /** Datagrams rejected, by reason. */
  readonly rejected: Readonly<Partial<Record<Rejection, number>>>
  /** Payloads that did not fit the schema. Their peers stay in the table. */
  readonly invalidPayloads: number
}

/** Counters of a relay, in datagrams. @category models @since 0.1.0 */
export interface RelayStats {
  /** Subscribers with a running lease. */
  readonly subscribers: number
  /** Datagrams received. */
  readonly received: number
  /** Copies forwarded. */
  readonly forwarded: number
  /** Leases granted or renewed. */
  readonly granted: number
  /** Challenges sent. */
  readonly challenged: number
  /** Subscriptions rejected because the relay was full, or had its limit of subscribers of the address. */
  readonly full: number
  /** Packets dropped because their sender has no subscription. */
  readonly unsubscribed: number
  /** Packets dropped because their sender exceeded its rate. */
  readonly rateLimited: number
  /** Datagrams that are neither status packets nor valid requests. */
  readonly malformed: number
  /** Requests dropped because too many others were waiting. */
  readonly queueFull: number
  /** Datagrams dropped by the kernel's full receive buffer; undefined if the platform does not report it. */
  readonly dropped: number | undefined
}

const counter = (name: string, description: string) =>
  Metric.counter(`effect_inet_status_${name}`, { description, incremental: true })

const gauge = (name: string, description: string) => Metric.gauge(`effect_inet_status_${name}`, { description })

const packets = counter(
  "packets_total",
  "Packets of a peer, by direction and result: sent, failed; accepted, rejected, dropped by the kernel"
)
const rejections = counter("packets_rejected_total", "Rejected packets, by reason")
const invalidPayloads = counter("invalid_payloads_total", "Payloads of other peers that do not fit the schema")
const peers = gauge("peers", "Other peers that are known, by state")
const subscribers = gauge("relay_subscribers", "Subscribers of a relay with a running lease")
const requests = counter("relay_requests_total", "Requests to a relay, by result")
const relayed = counter(
  "relay_packets_total",
  "Packets at a relay, by result: received, forwarded; and those that were not forwarded"
)

/** All reasons of rejected packets. */
const rejectionReasons: Readonly<Record<Rejection, true>> = {
  BadMagic: true,
  Version: true,
  Truncated: true,
  Oversized: true,
  Name: true,
  Id: true,
  Number: true,
  Interval: true,
  Flags: true,
  OtherCluster: true,
  Unsigned: true,
  BadSignature: true,
  Expired: true,
  Future: true,
  QueueFull: true
}

/** Numbers of peers, by state. */
export type PeerCounts = Readonly<Record<State, number>>

/** The counts of a table without peers. */
const noPeers: PeerCounts = { alive: 0, suspect: 0, down: 0, left: 0 }

const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((all, one) => all + one, 0)

/** Returns functions that publish the stats of a peer, and the peers that it knows: with `clear`, none. */
export const ofPeer = (service: string, context: Context.Context<never>) => {
  const { level, total } = MetricSeries.ofService(service, context)
  const sent = total(packets, { direction: "out", result: "sent" })
  const failed = total(packets, { direction: "out", result: "failed" })
  const accepted = total(packets, { direction: "in", result: "accepted" })
  const rejected = total(packets, { direction: "in", result: "rejected" })
  const dropped = total(packets, { direction: "in", result: "dropped" })
  const invalid = total(invalidPayloads)
  const byReason = (Object.keys(rejectionReasons) as ReadonlyArray<Rejection>).map(
    (reason) => [reason, total(rejections, { reason })] as const
  )
  const byState = (Object.keys(noPeers) as ReadonlyArray<State>).map(
    (state) => [state, level(peers, { state })] as const
  )
  const publishPeers = (counts: PeerCounts) => {
    for (const [state, publish] of byState) publish(counts[state])
  }
  const publish = (stats: PeerStats, counts: PeerCounts) => {
    sent(stats.sent)
    failed(stats.failed)
    accepted(stats.accepted)
    rejected(sum(stats.rejected))
    dropped(stats.dropped ?? 0)
    invalid(stats.invalidPayloads)
    for (const [reason, publish] of byReason) publish(stats.rejected[reason] ?? 0)
    publishPeers(counts)
  }
  return { publish, clear: () => publishPeers(noPeers) }
}

/** Returns functions that publish the stats of a relay, and that it has no subscribers any more. */
export const ofRelay = (service: string, context: Context.Context<never>) => {
  const { level, total } = MetricSeries.ofService(service, context)
  const active = level(subscribers)
  const results = {
    granted: total(requests, { result: "granted" }),
    challenged: total(requests, { result: "challenged" }),
    full: total(requests, { result: "full" }),
    queueFull: total(requests, { result: "queue_full" }),
    received: total(relayed, { result: "received" }),
    forwarded: total(relayed, { result: "forwarded" }),
    unsubscribed: total(relayed, { result: "unsubscribed" }),
    rateLimited: total(relayed, { result: "rate_limited" }),
    malformed: total(relayed, { result: "malformed" }),
    dropped: total(relayed, { result: "dropped" })
  }
  const publish = (stats: RelayStats) => {
    active(stats.subscribers)
    for (const name of Object.keys(results) as ReadonlyArray<keyof typeof results>) results[name](stats[name] ?? 0)
  }
  return { publish, clear: () => active(0) }
}
