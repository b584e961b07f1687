/** The size of packets and the number of packets in flight, computed from a worker's throughput. */

/** The measured throughput of a worker. */
export interface Throughput {
  /** Recent units and the time they took: older measurements decay. */
  units: number
  millis: number
  /** The moving average of the time for a packet. */
  packetMillis: number
  /** The units of the largest packet done. */
  largestUnits: number
  /** The bytes of a recent packet; 0 if they are unknown. */
  packetBytes: number
}

export const make = (): Throughput => ({
  units: 0,
  millis: 0,
  packetMillis: Number.NaN,
  largestUnits: 0,
  packetBytes: 0
})

/** A packet has at most this factor more units than the largest before: short measurements are inaccurate. */
const maxGrowthFactor = 16

/** Records the duration of a packet. */
export const record = (throughput: Throughput, units: number, millis: number, targetMillis: number) => {
  // The fixed cost of a packet hides the rate in small ones: a packet over twice as large replaces the measurement.
  const decay = units > 2 * throughput.largestUnits ? 0 : throughput.millis > targetMillis ? 0.5 : 1
  throughput.units = throughput.units * decay + units
  throughput.millis = throughput.millis * decay + millis
  throughput.packetMillis = Number.isNaN(throughput.packetMillis)
    ? millis
    : throughput.packetMillis + (millis - throughput.packetMillis) / 8
  if (units > throughput.largestUnits) throughput.largestUnits = units
}

/** Estimates the time for a number of units; `undefined` without a measurement. */
export const estimateMillis = (throughput: Throughput, units: number) =>
  throughput.largestUnits === 0 ? undefined : (units * throughput.millis) / throughput.units

/** The parameters of packet sizes. */
export interface SizingOptions {
  /** The time that a packet should take. */
  readonly targetMillis: number
  /** The units of a worker's first packet. */
  readonly initialSize: number
  readonly workerCount: number
  /** The units of the whole run; `undefined` if the number is unknown. */
  readonly totalUnits: number | undefined
}

/**
 * Computes the units of a worker's next packet. They take the target time, but are at most a tenth of a worker's share
 * of the run, and fewer towards the end, so that all workers finish together.
 */
export const nextSize = (
  throughput: Throughput,
  { initialSize, targetMillis, totalUnits, workerCount }: SizingOptions,
  remainingUnits: number | undefined
) => {
  const byTime =
    throughput.millis > 0 ? (throughput.units / throughput.millis) * targetMillis : Number.POSITIVE_INFINITY
  const byGrowth = throughput.largestUnits === 0 ? initialSize : throughput.largestUnits * maxGrowthFactor
  const byShare = totalUnits === undefined ? Number.POSITIVE_INFINITY : totalUnits / (10 * workerCount)
  const byRemainder =
    remainingUnits === undefined
      ? Number.POSITIVE_INFINITY
      : Math.max(remainingUnits / (2 * workerCount), byTime / maxGrowthFactor)
  return Math.max(1, Math.floor(Math.min(byTime, byGrowth, byShare, byRemainder)))
}

/** The fewest packets in flight: one waits while another is worked on. */
const minWindowPackets = 2

/** Computes the packets in flight that cover the round-trip time of a worker, within a number of bytes. */
export const windowSize = (
  { packetBytes, packetMillis }: Throughput,
  capacity: number,
  latencyMillis: number,
  windowBytes = Number.POSITIVE_INFINITY
) =>
  Math.min(
    capacity,
    Number.isNaN(packetMillis)
      ? minWindowPackets
      : 1 + Math.max(1, Math.ceil(latencyMillis / Math.max(packetMillis, 1e-6))),
    Math.max(minWindowPackets, windowBytes / packetBytes)
  )
