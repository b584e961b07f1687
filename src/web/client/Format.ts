/** Amounts, times and counts as text for people. Pure. */
import type * as PageState from "../PageState.ts"

const prefixes = ["", "k", "M", "G", "T", "P"]

/** Splits an amount into three significant digits and a decimal prefix. */
const scale = (amount: number): readonly [digits: string, prefix: string] => {
  let rest = amount
  let prefix = 0
  for (; rest >= 999.5 && prefix < prefixes.length - 1; prefix++) rest /= 1_000
  return [prefix === 0 ? `${Math.round(rest)}` : rest.toPrecision(3), prefixes[prefix]!]
}

/** Formats a number of bytes, such as `1.23 MB`. */
export const bytes = (amount: number): string => {
  const [digits, prefix] = scale(amount)
  return `${digits} ${prefix}B`
}

/** Formats a rate, such as `1.23 MB/s`. */
export const rate = (bytesPerSecond: number): string => `${bytes(bytesPerSecond)}/s`

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 })

/** Formats a count with all its digits, such as `12,345`. */
export const count = (amount: number): string => whole.format(amount)

/** Formats a large count, such as `1.23 M`. */
export const amount = (value: number): string => {
  const [digits, prefix] = scale(value)
  return prefix === "" ? digits : `${digits} ${prefix}`
}

/** Formats a count and its noun. */
export const plural = (number: number, one: string, many = `${one}s`): string =>
  `${count(number)} ${number === 1 ? one : many}`

/** Formats a fraction as percent, rounded down: 100 % is all. */
export const percent = (fraction: number): string => `${Math.floor(fraction * 100 + 1e-9)} %`

const minuteMillis = 60_000
const hourMillis = 60 * minuteMillis
const dayMillis = 24 * hourMillis

/** Longest age that is written, 27 years: a peer may send any. */
const maxDays = 10_000

/** Formats an age in whole seconds, with the two largest units. */
export const age = (millis: number): string => {
  const rest = Math.max(0, millis)
  const two = (large: number, unit: string, small: number, part: string) => {
    const parts = Math.floor((rest % large) / small)
    return `${Math.floor(rest / large)} ${unit}${parts === 0 ? "" : ` ${parts} ${part}`}`
  }
  if (rest < minuteMillis) return `${Math.floor(rest / 1_000)} s`
  if (rest < hourMillis) return two(minuteMillis, "min", 1_000, "s")
  if (rest < dayMillis) return two(hourMillis, "h", minuteMillis, "min")
  if (rest >= maxDays * dayMillis) return `over ${count(maxDays)} d`
  return two(dayMillis, "d", hourMillis, "h")
}

/** Formats a duration, with milliseconds below a second and tenths below ten seconds. */
export const duration = (millis: number): string => {
  if (millis < 999.5) return `${Math.round(Math.max(0, millis))} ms`
  return millis < 9_950 ? `${(millis / 1_000).toFixed(1)} s` : age(millis + 500)
}

/** Largest load that is written: a peer may send any. */
const maxLoadProcesses = 100_000

/** Formats the average load of a host, such as `0.42`. */
export const load = (average: number): string =>
  average < maxLoadProcesses ? average.toFixed(2) : `over ${count(maxLoadProcesses)}`

/** Formats a factor, such as `3.8×`. */
export const factor = (value: number): string => `${value < 9.95 ? value.toFixed(1) : count(value)}×`

const units: Readonly<Record<PageState.Figure["unit"], (value: number) => string>> = {
  count,
  bytes,
  millis: duration
}

/** Formats a figure of a service. */
export const figure = ({ unit, value }: PageState.Figure): string => units[unit](value)
