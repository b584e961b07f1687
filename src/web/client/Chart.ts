/** Paths of charts: values from left to right, in a box whose zero line is given. Pure. */

const round = (value: number) => Math.round(value * 10) / 10

/** A box of a chart, in units of its picture. */
export interface Box {
  readonly width: number
  /** The column of the first value. Default 0. */
  readonly left?: number
  /** The row of zero, and of `max`: rows count downwards. */
  readonly zero: number
  readonly top: number
  /** The value at `top`. */
  readonly max: number
}

/** Returns the path of a line through the values. */
export const line = (values: ReadonlyArray<number>, { left = 0, max, top, width, zero }: Box): string => {
  const step = values.length < 2 ? 0 : (width - left) / (values.length - 1)
  const row = (value: number) => round(zero + (top - zero) * Math.min(1, value / max))
  return values.map((value, at) => `${at === 0 ? "M" : "L"}${round(left + at * step)} ${row(value)}`).join("")
}

/** Returns the path of the area between the values and zero. */
export const area = (values: ReadonlyArray<number>, box: Box): string =>
  `${line(values, box)}L${box.width} ${box.zero}L${box.left ?? 0} ${box.zero}Z`

/** The least top of a chart in bytes a second: the heartbeats of a quiet service do not look like a storm. */
const leastPeakBytes = 1_000

/** Returns the value at the top of a chart. */
export const peak = (...series: ReadonlyArray<ReadonlyArray<number>>): number =>
  series.reduce((most, values) => values.reduce((high, value) => Math.max(high, value), most), leastPeakBytes)
