/** How fast a worker is, and so how large its packets should be, and how many it should have at once. */

/** What was measured of a worker. */
export interface Throughput {
  /** Units and milliseconds of late: old ones fade. */
  units: number
  millis: number
  /** Milliseconds a packet, lately. */
  packetMillis: number
  /** Units of the largest packet that it has done. */
  largestUnits: number
}

export const make = (): Throughput => ({ units: 0, millis: 0, packetMillis: Number.NaN, largestUnits: 0 })

/** A size grows at most so much from one packet to the next: a measurement of little says little. */
const maxGrowthFactor = 16

export const record = (throughput: Throughput, units: number, millis: number, targetMillis: number) => {
  // What a packet costs whatever its size hides the rate in small ones: a larger one is believed alone.
  const decay = units > 2 * throughput.largestUnits ? 0 : throughput.millis > targetMillis ? 0.5 : 1
  throughput.units = throughput.units * decay + units
  throughput.millis = throughput.millis * decay + millis
  throughput.packetMillis = Number.isNaN(throughput.packetMillis)
    ? millis
    : throughput.packetMillis + (millis - throughput.packetMillis) / 8
  if (units > throughput.largestUnits) throughput.largestUnits = units
}

/** Milliseconds for so many units, `undefined` if nothing is known. */
export const estimateMillis = (throughput: Throughput, units: number) =>
  throughput.largestUnits === 0 ? undefined : (units * throughput.millis) / throughput.units

/** What sizes depend on. */
export interface SizingOptions {
  /** Milliseconds a packet should take. */
  readonly targetMillis: number
  readonly initialSize: number
  readonly workerCount: number
  /** Units: all, and those not cut yet. */
  readonly totalUnits: number | undefined
}

/**
 * The size of a worker's next packet: as much as takes the target time, but at least ten packets for each worker, and
 * towards the end ever less, so that all finish together.
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

/** How many packets hide the time that messages take. */
export const windowSize = ({ packetMillis: packet }: Throughput, capacity: number, latencyMillis: number) =>
  Math.min(capacity, Number.isNaN(packet) ? 2 : 1 + Math.max(1, Math.ceil(latencyMillis / Math.max(packet, 1e-6))))
