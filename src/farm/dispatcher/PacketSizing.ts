/** How fast a worker is, and so how large its packets should be, and how many it should have at once. */

/** What was measured of a worker. */
export interface Pace {
  /** Units and milliseconds of late: old ones fade. */
  units: number
  millis: number
  /** Milliseconds a packet, lately. */
  packet: number
  /** Units of the largest packet that it has done. */
  largest: number
}

export const make = (): Pace => ({ units: 0, millis: 0, packet: Number.NaN, largest: 0 })

/** A size grows at most so much from one packet to the next: a measurement of little says little. */
const growth = 16

export const measure = (pace: Pace, units: number, millis: number, target: number) => {
  // What a packet costs whatever its size hides the rate in small ones: a larger one is believed alone.
  const fades = units > 2 * pace.largest ? 0 : pace.millis > target ? 0.5 : 1
  pace.units = pace.units * fades + units
  pace.millis = pace.millis * fades + millis
  pace.packet = Number.isNaN(pace.packet) ? millis : pace.packet + (millis - pace.packet) / 8
  if (units > pace.largest) pace.largest = units
}

/** Milliseconds for so many units, `undefined` if nothing is known. */
export const millisFor = (pace: Pace, units: number) =>
  pace.largest === 0 ? undefined : (units * pace.millis) / pace.units

/** What sizes depend on. */
export interface Sizes {
  /** Milliseconds a packet should take. */
  readonly target: number
  readonly first: number
  readonly workers: number
  /** Units: all, and those not cut yet. */
  readonly total: number | undefined
}

/**
 * The size of a worker's next packet: as much as takes the target time, but at least ten packets for each worker, and
 * towards the end ever less, so that all finish together.
 */
export const size = (pace: Pace, { first, target, total, workers }: Sizes, left: number | undefined) => {
  const timed = pace.millis > 0 ? (pace.units / pace.millis) * target : Number.POSITIVE_INFINITY
  const grown = pace.largest === 0 ? first : pace.largest * growth
  const fair = total === undefined ? Number.POSITIVE_INFINITY : total / (10 * workers)
  const even = left === undefined ? Number.POSITIVE_INFINITY : Math.max(left / (2 * workers), timed / growth)
  return Math.max(1, Math.floor(Math.min(timed, grown, fair, even)))
}

/** How many packets hide the time that messages take. */
export const window = ({ packet }: Pace, capacity: number, latency: number) =>
  Math.min(capacity, Number.isNaN(packet) ? 2 : 1 + Math.max(1, Math.ceil(latency / Math.max(packet, 1e-6))))
