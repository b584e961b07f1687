/** The statistics of a running proxy: as a line of the log, as a JSON value, and as counters of the page. */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Quantity from "../../../network/Quantity.ts"
import * as FaultPlanSyntax from "../../../simulation/faults/FaultPlanSyntax.ts"
import type * as Impairment from "../../../simulation/impairment/Impairment.ts"
import type * as ImpairProxy from "../../../simulation/impairment/ImpairProxy.ts"

const formatCounts = ({ bytes, datagrams }: ImpairProxy.TrafficCounts) =>
  `${Quantity.format(datagrams, "datagram")}, ${Quantity.format(bytes, "byte")}`

/** Formats the datagrams that no fault of the plan has lost. */
const formatLost = ({ kernel, queue }: ImpairProxy.LostDatagrams) =>
  [
    kernel === undefined ? "unknown by the kernel" : `${kernel} by the kernel`,
    ...(queue === 0 ? [] : [`${queue} by full queues`])
  ].join(", ")

/** Formats the statistics as one line. Losses without a fault are separate; a proxy without UDP has none. */
export const line = (
  impairment: Impairment.Impairment,
  { lost, refused, tcp, toClients, toServer, udp }: ImpairProxy.Stats,
  hasUdp: boolean
): string =>
  [
    `clients: ${udp} udp, ${tcp} tcp${refused === 0 ? "" : `, ${refused} refused`}`,
    `to server: ${formatCounts(toServer)}`,
    `to clients: ${formatCounts(toClients)}`,
    ...(hasUdp ? [`lost without a fault: ${formatLost(lost)}`] : []),
    `faults: ${impairment.summary() || "none"}${impairment.isHealed ? ", ended" : ""}`
  ].join("; ")

const faultCounts = ({ engine, plan }: Impairment.Impairment) => {
  const counts = engine.counts()
  return plan.map((rule, index) => ({ rule: FaultPlanSyntax.formatRule(rule), count: counts[index]! }))
}

/** Returns the statistics as a value for JSON. */
export const value = (
  event: "stats" | "end",
  impairment: Impairment.Impairment,
  { refused, tcp, udp, ...counts }: ImpairProxy.Stats,
  seed: number
) =>
  Effect.map(Clock.currentTimeMillis, (millis) => ({
    ...{ service: "impair", event, at: DateTime.formatIso(DateTime.makeUnsafe(millis)) },
    clients: { udp, tcp, refused },
    ...counts,
    ...{ plan: FaultPlanSyntax.format(impairment.plan), seed, ended: impairment.isHealed },
    faults: faultCounts(impairment)
  }))

/** Returns the counters for the page: its traffic by direction, and how often each rule was applied. */
export const pageStats = (
  impairment: Impairment.Impairment,
  { lost, refused, tcp, toClients, toServer, udp }: ImpairProxy.Stats
) => ({
  ...{ udp, tcp, refused, toServer: toServer.datagrams, toClients: toClients.datagrams },
  ...{ bytesReceived: toServer.bytes, bytesSent: toClients.bytes },
  ...(lost.kernel === undefined ? {} : { lostByKernel: lost.kernel }),
  faults: faultCounts(impairment).map(({ count, rule }) => [rule, count] as const)
})

const inKib = (bytes: number) => `${Math.floor(bytes / 1_024).toLocaleString("en")} KiB`

/** Returns the notice of a receive buffer that is smaller than what was asked for; undefined if it is not. */
export const bufferNotice = (grantedBytes: number | undefined, wantedBytes: number): string | undefined =>
  grantedBytes === undefined || grantedBytes >= wantedBytes
    ? undefined
    : `receive buffer of ${inKib(grantedBytes)}, of ${inKib(wantedBytes)} asked for: the kernel drops what exceeds it ` +
      `in a burst; sysctl -w net.core.rmem_max=${wantedBytes} allows it`
