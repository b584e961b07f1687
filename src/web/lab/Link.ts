/** The network of the laboratory: its links and its faults, as the settings ask. Pure. */
import type * as FaultPlan from "../../simulation/faults/FaultPlan.ts"
import type * as SimLan from "../../simulation/network/SimLan.ts"
import type { Settings } from "./Settings.ts"

/** The link between all hosts of a run. */
export interface Link {
  /** Latency of a packet, in nanoseconds. */
  readonly latencyNanos: number
  readonly nanosPerByte: number
}

const nanosPerMilli = 1_000_000

/** Latency at a delay of 0: a packet takes some time on any network, and a diagram needs it, too. */
const minLatencyNanos = 300_000

/** Bandwidth of all links: a block of 512 bytes leaves 2 ms after the one before it, and the arrows do not coincide. */
const bytesPerSecond = 250_000

/** Returns the link of a run. */
export const make = ({ delayMillis }: Settings): Link => ({
  latencyNanos: delayMillis * nanosPerMilli + minLatencyNanos,
  nanosPerByte: 1e9 / bytesPerSecond
})

/** The largest probability of loss for TCP: with 1, the simulated TCP would repeat a segment for ever. */
const maxTcpLossProbability = 0.95

/** Returns the options of the simulated link. Lost segments of TCP are the link's; of datagrams, the fault plan's. */
export const options = ({ latencyNanos }: Link, { lossPercent }: Settings, transport: "udp" | "tcp") => {
  const latency = `${latencyNanos} nanos` as const
  const loss = transport === "tcp" ? Math.min(maxTcpLossProbability, lossPercent / 100) : 0
  return { latency, bandwidth: bytesPerSecond, loss } satisfies SimLan.LinkOptions
}

const whole = (millis: number) => Math.round(millis) * nanosPerMilli

/**
 * Returns the faults of datagrams. A copy follows its packet at once, or before the next round trip. A packet is
 * reordered by a delay, so that the diagram shows how others overtake it: one to `maxLateMillis` more than usual.
 */
export const faults = (settings: Settings, maxLateMillis: number): FaultPlan.FaultPlan => {
  const { delayMillis, duplicatePercent, lossPercent, reorderPercent } = settings
  const after = { from: whole(1), to: whole(2 + delayMillis / 2) }
  const by = { from: whole(1 + delayMillis / 2), to: whole(Math.max(1 + delayMillis / 2, maxLateMillis)) }
  const rules: ReadonlyArray<FaultPlan.PacketRule & { readonly percent: number }> = [
    { action: "drop", percent: lossPercent },
    { action: "dup", copies: 1, after, percent: duplicatePercent },
    { action: "delay", by, transport: "udp", percent: reorderPercent }
  ]
  return rules.filter(({ percent }) => percent > 0)
}

/** The faults of TCP: at 100 % loss nothing arrives, and at less the link loses segments. */
export const tcpFaults = ({ lossPercent }: Settings): FaultPlan.FaultPlan =>
  lossPercent < 100 ? [] : [{ action: "partition", pair: { from: { host: "*" }, to: { host: "*" }, both: true } }]
