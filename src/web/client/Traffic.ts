/** Bytes of a service in each of the last seconds, for its chart. Pure, of constant size. */

/** Seconds that a chart shows. */
export const windowSeconds = 120

/** Totals since the start of the service, in bytes. */
export interface Totals {
  readonly received: number
  readonly sent: number
}

/** Bytes of a service in each of the last seconds. */
export interface Traffic {
  /** The second of the first totals, since 1970: the bytes before it are unknown. */
  readonly firstSecond: number
  /** The newest second, since 1970. */
  readonly second: number
  /** Bytes by second, the newest last. */
  readonly received: ReadonlyArray<number>
  readonly sent: ReadonlyArray<number>
  readonly totals: Totals
}

const noBytes: ReadonlyArray<number> = new Array<number>(windowSeconds).fill(0)

const secondOf = (millis: number) => Math.floor(millis / 1_000)

/** Moves the window to a later second. Seconds without bytes are 0. */
const shift = (values: ReadonlyArray<number>, seconds: number): ReadonlyArray<number> =>
  seconds <= 0 ? values : [...values.slice(seconds), ...noBytes.slice(0, seconds)]

const addLast = (values: ReadonlyArray<number>, amount: number): ReadonlyArray<number> =>
  amount === 0 ? values : [...values.slice(0, -1), values.at(-1)! + amount]

/** Creates traffic without bytes. The totals are those of the time before. */
export const make = (atMillis: number, totals: Totals): Traffic => ({
  firstSecond: secondOf(atMillis),
  second: secondOf(atMillis),
  received: noBytes,
  sent: noBytes,
  totals
})

/** Takes new totals without counting the bytes since the last ones, whose time is unknown. */
export const rebase = (traffic: Traffic, totals: Totals): Traffic => ({ ...traffic, totals })

/** Counts the bytes since the last totals. Totals that fall, after a restart of the service, count nothing. */
export const add = (traffic: Traffic, atMillis: number, totals: Totals): Traffic => {
  const second = Math.max(traffic.second, secondOf(atMillis))
  const seconds = second - traffic.second
  return {
    firstSecond: traffic.firstSecond,
    second,
    received: addLast(shift(traffic.received, seconds), Math.max(0, totals.received - traffic.totals.received)),
    sent: addLast(shift(traffic.sent, seconds), Math.max(0, totals.sent - traffic.totals.sent)),
    totals
  }
}

/** Bytes a second over a window whose last second is complete. */
export interface Series {
  readonly received: ReadonlyArray<number>
  readonly sent: ReadonlyArray<number>
  /** Number of the last seconds whose bytes are known; those before were not watched. */
  readonly knownSeconds: number
}

/** Returns the bytes of each of the last complete seconds before a time, the newest last. */
export const series = (traffic: Traffic, nowMillis: number): Series => {
  const seconds = secondOf(nowMillis) - 1 - traffic.second
  const at = (values: ReadonlyArray<number>) =>
    seconds >= 0 ? shift(values, seconds) : [...noBytes.slice(0, -seconds), ...values.slice(0, seconds)]
  const knownSeconds = Math.min(windowSeconds, Math.max(0, secondOf(nowMillis) - traffic.firstSecond))
  return { received: at(traffic.received), sent: at(traffic.sent), knownSeconds }
}

/** Returns the sum of series, second by second. */
export const sum = (all: ReadonlyArray<Series>): Series => {
  const total = (key: "received" | "sent") =>
    noBytes.map((_, at) => all.reduce((bytes, one) => bytes + one[key][at]!, 0))
  const knownSeconds = all.reduce((most, one) => Math.max(most, one.knownSeconds), 0)
  return { received: total("received"), sent: total("sent"), knownSeconds }
}

/** Seconds over which the present rate is averaged. */
const rateSeconds = 2

/** Returns the present rate in bytes a second. */
export const rate = (values: ReadonlyArray<number>): number =>
  values.slice(-rateSeconds).reduce((bytes, one) => bytes + one, 0) / rateSeconds
