/** Amounts as text for people, with three significant digits. */

const prefixes = ["", " k", " M", " G", " T", " P"]

/** Formats an amount, with a decimal prefix from a thousand up. */
export const format = (amount: number): string => {
  if (amount < 999.5) return `${Math.round(amount)}`
  let rest = amount
  let prefix = 0
  for (; rest >= 999.5 && prefix < prefixes.length - 1; prefix++) rest /= 1_000
  return `${rest.toPrecision(3)}${prefixes[prefix]}`
}

/** Formats a number of bytes. */
export const formatBytes = (bytes: number): string => (bytes < 999.5 ? `${format(bytes)} bytes` : `${format(bytes)}B`)
