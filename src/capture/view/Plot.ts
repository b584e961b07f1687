/** Throughput over time as points of a plot: rates instead of bytes, and axes with round numbers. Pure. */
import type { Series } from "../analysis/Throughput.ts"

/** A plot. */
export interface Plot {
  /** Bits in a second, for equal parts of the time. */
  readonly rates: ReadonlyArray<number>
  readonly retransmissions: ReadonlyArray<number>
  readonly maxRate: number
  readonly durationNanos: number
}

/** Distributes values over `count` equal parts; a value that overlaps several parts is shared by its overlap. */
export const resample = (values: ReadonlyArray<number>, count: number): ReadonlyArray<number> => {
  const parts = new Array<number>(count).fill(0)
  const scale = count / values.length
  for (const [at, value] of values.entries()) {
    if (value === 0) continue
    const [start, end] = [at * scale, (at + 1) * scale]
    for (let part = Math.floor(start); part < Math.min(count, end); part++)
      parts[part]! += (value * (Math.min(end, part + 1) - Math.max(start, part))) / scale
  }
  return parts
}

/**
 * Returns the plot of a series with `count` points. The buckets are as long together as the capture: the axis ends at
 * its duration, and the mean of the rates is that of the capture.
 */
export const make = ({ bucketMillis, bytes, durationNanos = 0, retransmissions }: Series, count: number): Plot => {
  const nanos = durationNanos > 0 ? durationNanos : Math.max(1, bytes.length) * bucketMillis * 1e6
  const partSeconds = nanos / 1e9 / count
  const rates = resample(bytes, count).map((value) => (value * 8) / partSeconds)
  return {
    rates,
    retransmissions: resample(retransmissions, count),
    maxRate: Math.max(0, ...rates),
    durationNanos: nanos
  }
}

/** Returns the smallest round number, 1, 2 or 5 times a power of ten, that is not below a value. */
const roundUp = (value: number): number => {
  if (!(value > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= value) ?? 10)
}

/** Returns round numbers from 0 to `end`, about `count` of them. */
export const ticks = (end: number, count: number): ReadonlyArray<number> => {
  const step = roundUp(end / count)
  return Array.from({ length: Math.floor(end / step + 1e-9) + 1 }, (_, at) => at * step)
}
