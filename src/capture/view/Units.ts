/** Amounts with their units as text for people: rates, sizes and times. Pure. */

const prefixes = ["", "k", "M", "G", "T", "P"]

/** Formats an amount with three significant digits, a decimal prefix and a unit: `12.3 Mbit/s`. */
const withPrefix = (amount: number, unit: string): string => {
  let rest = amount
  let prefix = 0
  for (; rest >= 999.5 && prefix < prefixes.length - 1; prefix++) rest /= 1_000
  const digits = prefix === 0 || rest >= 99.95 ? `${Math.round(rest)}` : rest.toPrecision(3)
  return `${digits} ${prefixes[prefix]}${unit}`
}

/** Formats a number of bits in a second. */
export const rate = (bitsPerSecond: number): string => withPrefix(bitsPerSecond, "bit/s")

/** Formats a number of bytes: `1 byte`, `12.3 kB`. */
export const bytes = (count: number): string =>
  count < 999.5 ? (count === 1 ? "1 byte" : `${count} bytes`) : withPrefix(count, "B")

/** Formats a number with separators of thousands. */
export const count = (value: number): string => `${value}`.replaceAll(/\B(?=(\d{3})+$)/g, ",")

/** Formats a number of nouns: `1 packet`, `2,000 packets`. */
export const counted = (value: number, singular: string, plural = `${singular}s`): string =>
  `${count(value)} ${value === 1 ? singular : plural}`

const significant = (value: number) => (value >= 99.95 ? `${Math.round(value)}` : value.toPrecision(3))

/** Formats a duration in nanoseconds with three significant digits: `20.0 ms`, `1.50 s`, `2 h 10 min`. */
export const duration = (nanoseconds: number): string => {
  if (nanoseconds === 0) return "0 s"
  if (nanoseconds < 999.5) return `${Math.round(nanoseconds)} ns`
  if (nanoseconds < 999_500) return `${significant(nanoseconds / 1e3)} us`
  if (nanoseconds < 999_500_000) return `${significant(nanoseconds / 1e6)} ms`
  const seconds = nanoseconds / 1e9
  if (seconds < 600) return `${significant(seconds)} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 600) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** Formats a time in nanoseconds since 1970 as UTC with milliseconds; undefined if a date cannot have it. */
export const utc = (nanoseconds: bigint): string | undefined => {
  const date = new Date(Number(nanoseconds / 1_000_000n))
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString().replace("T", " ").replace("Z", " UTC")
}
