/** Clauses in the text of a fault rule: their patterns, their values and their formatting. */
import * as FaultPlan from "./FaultPlan.ts"

/** Values of the clauses of a rule. `isOpen` distinguishes `@2s..` from `@2s`. */
export interface ClauseValues {
  readonly nth?: FaultPlan.Nth
  readonly percent?: number
  readonly number?: number
  readonly burst?: number
  readonly correlation?: number
  readonly time?: FaultPlan.AnyDuration
  readonly rate?: number
  readonly queue?: number
  readonly transport?: "udp" | "tcp"
  readonly pair?: FaultPlan.Pair
  readonly kind?: string
  readonly at?: FaultPlan.Window & { readonly isOpen: boolean }
  readonly host?: string
  readonly shift?: number
  readonly ppm?: number
  readonly operation?: FaultPlan.DiskOperation
}

/** The name of a clause; that of a distribution sets the time. */
export type Name = keyof ClauseValues | "distribution"

/** A kind of clause. */
export interface Clause {
  readonly example: string
  /** Pattern of words that were probably meant as this clause, and the description of a correct one for the error. */
  readonly prefix: RegExp
  readonly expected: string
  readonly pattern: RegExp
  /** Returns undefined if the numbers are invalid. */
  readonly parse: (...groups: ReadonlyArray<string | undefined>) => ClauseValues | undefined
}

const nanosPerUnit = { h: 3_600e9, m: 60e9, s: 1e9, ms: 1e6, us: 1e3, ns: 1 } as const

const bytesPerUnit = { GB: 1e9, MB: 1e6, kB: 1e3, GiB: 2 ** 30, MiB: 2 ** 20, KiB: 1024, B: 1 } as const
const bytesPerBitUnit = { Gbit: 125e6, Mbit: 125e3, kbit: 125, bit: 0.125 } as const

const duration = /(\d{1,16}(?:\.\d{1,12})?(?:ns|us|ms|s|m|h))/.source
const ipv6 = /\[[\dA-Fa-f:.]+\]|[\dA-Fa-f]*:[\dA-Fa-f]*:[\dA-Fa-f:.]*/.source
const name = /[\w-]+(?:\.[\w-]+)*/.source
const endpointPattern = `(\\*|${ipv6}|${name})(?::(\\d{1,5}))?`

/** Returns undefined for a fraction of a nanosecond, or more than 104 days. */
const nanosOf = (text: string | undefined): number | undefined => {
  const [, amount, unit] = /^([\d.]+)(\w+)$/.exec(text ?? "") ?? []
  const exact = Number(amount) * nanosPerUnit[unit as keyof typeof nanosPerUnit]
  const whole = Math.round(exact)
  return Number.isSafeInteger(whole) && Math.abs(exact - whole) < 1e-3 ? whole : undefined
}

/** Returns undefined for a part of a byte. */
const bytesOf = (amount: string | undefined, unit: string | undefined): number | undefined => {
  const units: Readonly<Record<string, number>> = { ...bytesPerUnit, ...bytesPerBitUnit }
  const exact = Number(amount) * units[unit ?? ""]!
  const whole = Math.round(exact)
  return Number.isSafeInteger(whole) && Math.abs(exact - whole) < 1e-3 ? whole : undefined
}

const hostOf = (text: string): string | undefined => {
  const host = text.replace(/^\[|\]$/g, "")
  return host === text && !host.includes(":") ? host : FaultPlan.canonicalIp(host) === undefined ? undefined : host
}

const endpointOf = (text: string, digits: string | undefined): FaultPlan.EndpointPattern | undefined => {
  const host = hostOf(text)
  const port = digits === undefined ? undefined : Number(digits)
  if (host === undefined || (port !== undefined && port > 65_535)) return undefined
  return port === undefined ? { host } : { host, port }
}

/** All clauses, in the order in which they are tried. */
export const clauses: Readonly<Record<Name, Clause>> = {
  at: {
    example: "@2s..5s",
    prefix: /^@/,
    expected: "a time such as @2s..5s, @2s.. or @..5s",
    pattern: new RegExp(`@${duration}?(\\.\\.)?${duration}?`, "y"),
    parse: (first, dots, last) => {
      const from = first === undefined ? 0 : nanosOf(first)
      const to = nanosOf(last)
      const isWhole = dots === undefined ? first !== undefined && last === undefined : (first ?? last) !== undefined
      if (!isWhole || from === undefined) return undefined
      if (last === undefined) return { at: { from, isOpen: dots !== undefined } }
      return to === undefined || to <= from ? undefined : { at: { from, to, isOpen: true } }
    }
  },
  nth: {
    example: "#3",
    prefix: /^#/,
    expected: "a packet number such as #3, #2..4 or #2..",
    pattern: /#(\d{1,16})(?:(\.\.)(\d{1,16})?)?/y,
    parse: (first, dots, last) => {
      const from = Number(first)
      const to = Number(last ?? first)
      if (from < 1 || to < from || !Number.isSafeInteger(to)) return undefined
      return { nth: dots !== undefined && last === undefined ? { from } : { from, to } }
    }
  },
  kind: {
    example: "kind=ACK",
    prefix: /^kind\b/,
    expected: "a kind such as kind=ACK",
    pattern: /kind=([\w.+/-]+)/y,
    parse: (kind) => ({ kind: kind! })
  },
  pair: {
    example: "a>b",
    prefix: /[>|]/,
    expected: "two hosts such as a>b or a|b, each a name, an IP address or *, optionally with a port",
    pattern: new RegExp(`${endpointPattern}([>|])${endpointPattern}`, "y"),
    parse: (one, onePort, arrow, other, otherPort) => {
      const from = endpointOf(one!, onePort)
      const to = endpointOf(other!, otherPort)
      return from === undefined || to === undefined ? undefined : { pair: { from, to, both: arrow === "|" } }
    }
  },
  percent: {
    example: "5%",
    prefix: /^[\d.-]+%/,
    expected: "a rate over 0% and up to 100%, with at most three decimals",
    pattern: /(\d{1,3}(?:\.\d{1,3})?)%/y,
    parse: (text) => {
      const percent = Number(text)
      return percent > 0 && percent <= 100 ? { percent } : undefined
    }
  },
  burst: {
    example: "burst=8",
    prefix: /^burst\b/,
    expected: "a mean length of bursts such as burst=8, from 1 to 1000000",
    pattern: /burst=(\d{1,7})/y,
    parse: (text) => {
      const burst = Number(text)
      return burst >= 1 && burst <= 1_000_000 ? { burst } : undefined
    }
  },
  correlation: {
    example: "correlation=25%",
    prefix: /^correlation\b/,
    expected: "a correlation such as correlation=25%, over 0% and below 100%",
    pattern: /correlation=(\d{1,2}(?:\.\d{1,3})?)%/y,
    parse: (text) => {
      const correlation = Number(text)
      return correlation > 0 ? { correlation } : undefined
    }
  },
  rate: {
    example: "125kB/s",
    prefix: /^[\d.]+|\/s/,
    expected: "a bandwidth such as 125kB/s or 1Mbit/s",
    pattern: /(\d{1,16}(?:\.\d{1,6})?)([kMG]?B|[KMG]iB|[kMG]?bit)\/s/y,
    parse: (amount, unit) => {
      const rate = bytesOf(amount, unit)
      return rate === undefined || rate === 0 ? undefined : { rate }
    }
  },
  queue: {
    example: "queue=64kB",
    prefix: /^queue\b/,
    expected: "a queue such as queue=64kB",
    pattern: /queue=(\d{1,16}(?:\.\d{1,6})?)([kMG]?B|[KMG]iB)/y,
    parse: (amount, unit) => {
      const queue = bytesOf(amount, unit)
      return queue === undefined ? undefined : { queue }
    }
  },
  distribution: {
    example: "20ms~5ms normal",
    prefix: /~/,
    expected: "a mean and a deviation with a distribution such as 20ms~5ms normal or 20ms~5ms pareto",
    pattern: new RegExp(`${duration}~${duration}\\s+(normal|pareto)`, "y"),
    parse: (first, last, shape) => {
      const mean = nanosOf(first)
      const deviation = nanosOf(last)
      if (mean === undefined || deviation === undefined || deviation === 0) return undefined
      if (!Number.isSafeInteger(mean + 16 * deviation)) return undefined
      return { time: { mean, deviation, shape: shape as FaultPlan.Distribution["shape"] } }
    }
  },
  shift: {
    example: "+1h",
    prefix: /^[+-]|^\d/,
    expected: "a jump such as +1h or -500ms",
    pattern: new RegExp(`([+-])${duration}`, "y"),
    parse: (sign, text) => {
      const shift = nanosOf(text)
      return shift === undefined || shift === 0 ? undefined : { shift: sign === "-" ? -shift : shift }
    }
  },
  ppm: {
    example: "200ppm",
    prefix: /^[+-]|ppm$/,
    expected: "a drift such as 200ppm or -50ppm, at most 500000ppm",
    pattern: /([+-]?\d{1,7})ppm/y,
    parse: (text) => {
      const ppm = Number(text)
      return ppm === 0 || Math.abs(ppm) > 500_000 ? undefined : { ppm }
    }
  },
  operation: {
    example: "kind=sync",
    prefix: /^kind\b/,
    expected: "kind=read, kind=write, kind=sync or kind=other",
    pattern: /kind=(read|write|sync|other)/y,
    parse: (operation) => ({ operation: operation as FaultPlan.DiskOperation })
  },
  time: {
    example: "20ms",
    prefix: /^[\d.]/,
    expected: "a duration such as 20ms or 20ms..40ms, in ns, us, ms, s, m or h",
    pattern: new RegExp(`${duration}(?:\\.\\.${duration})?`, "y"),
    parse: (first, last) => {
      const from = nanosOf(first)
      const to = nanosOf(last ?? first)
      return from === undefined || to === undefined || to < from ? undefined : { time: { from, to } }
    }
  },
  number: {
    example: "17",
    prefix: /^:|^\d/,
    expected: "a number such as 17",
    pattern: /:?(\d{1,16})/y,
    parse: (text) => {
      const number = Number(text)
      return Number.isSafeInteger(number) ? { number } : undefined
    }
  },
  transport: {
    example: "udp",
    prefix: /^(udp|tcp)/,
    expected: "udp or tcp",
    pattern: /(udp|tcp)/y,
    parse: (transport) => ({ transport: transport as "udp" | "tcp" })
  },
  host: {
    example: "a",
    prefix: /^[\w[]/,
    expected: "a host: its name or IP address",
    pattern: new RegExp(`(${ipv6}|${name})`, "y"),
    parse: (text) => {
      const host = hostOf(text!)
      return host === undefined ? undefined : { host }
    }
  }
}

/** Formats an amount in the largest unit that leaves no fraction: a loop over the keys, because notes are many. */
const formatAmount = (amount: number, units: Readonly<Record<string, number>>): string => {
  for (const unit in units) if (amount % units[unit]! === 0) return `${amount / units[unit]!}${unit}`
  return `${amount}`
}

/** Formats a time in the largest unit that leaves no fraction. */
export const formatNanos = (nanos: number): string => (nanos === 0 ? "0s" : formatAmount(nanos, nanosPerUnit))

/** Formats bytes in the largest unit that leaves no fraction. */
export const formatBytes = (bytes: number): string => (bytes === 0 ? "0B" : formatAmount(bytes, bytesPerUnit))

export const formatShift = (nanos: number): string => `${nanos < 0 ? "-" : "+"}${formatNanos(Math.abs(nanos))}`

export const formatDuration = (duration: FaultPlan.AnyDuration): string => {
  if ("mean" in duration) return `${formatNanos(duration.mean)}~${formatNanos(duration.deviation)} ${duration.shape}`
  const { from, to } = duration
  return from === to ? formatNanos(from) : `${formatNanos(from)}..${formatNanos(to)}`
}

export const formatNth = ({ from, to }: FaultPlan.Nth): string =>
  to === undefined ? `#${from}..` : to === from ? `#${from}` : `#${from}..${to}`

export const formatWindow = ({ from, to }: FaultPlan.Window): string =>
  `@${formatNanos(from)}..${to === undefined ? "" : formatNanos(to)}`

export const formatHost = (host: string): string => (host.includes(":") ? `[${host}]` : host)

const formatEndpoint = ({ host, port }: FaultPlan.EndpointPattern) =>
  `${formatHost(host)}${port === undefined ? "" : `:${port}`}`

export const formatPair = ({ both, from, to }: FaultPlan.Pair): string =>
  `${formatEndpoint(from)}${both ? "|" : ">"}${formatEndpoint(to)}`
