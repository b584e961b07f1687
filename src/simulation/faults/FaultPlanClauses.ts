/** Clauses in the text of a fault rule: their patterns, their values and their formatting. */
import * as FaultPlan from "./FaultPlan.ts"

/** Values of the clauses of a rule. `isOpen` distinguishes `@2s..` from `@2s`. */
export interface ClauseValues {
  readonly nth?: FaultPlan.Nth
  readonly percent?: number
  readonly number?: number
  readonly time?: FaultPlan.Range
  readonly transport?: "udp" | "tcp"
  readonly pair?: FaultPlan.Pair
  readonly kind?: string
  readonly at?: FaultPlan.Window & { readonly isOpen: boolean }
  readonly host?: string
}

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
export const clauses: Readonly<Record<keyof ClauseValues, Clause>> = {
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

/** Formats a time in the largest unit that leaves no fraction. */
export const formatNanos = (nanos: number): string => {
  const unit =
    nanos === 0
      ? "s"
      : (Object.keys(nanosPerUnit) as Array<keyof typeof nanosPerUnit>).find((u) => nanos % nanosPerUnit[u] === 0)!
  return `${nanos / nanosPerUnit[unit]}${unit}`
}

export const formatRange = ({ from, to }: FaultPlan.Range): string =>
  from === to ? formatNanos(from) : `${formatNanos(from)}..${formatNanos(to)}`

export const formatNth = ({ from, to }: FaultPlan.Nth): string =>
  to === undefined ? `#${from}..` : to === from ? `#${from}` : `#${from}..${to}`

export const formatWindow = ({ from, to }: FaultPlan.Window): string =>
  `@${formatNanos(from)}..${to === undefined ? "" : formatNanos(to)}`

export const formatHost = (host: string): string => (host.includes(":") ? `[${host}]` : host)

const formatEndpoint = ({ host, port }: FaultPlan.EndpointPattern) =>
  `${formatHost(host)}${port === undefined ? "" : `:${port}`}`

export const formatPair = ({ both, from, to }: FaultPlan.Pair): string =>
  `${formatEndpoint(from)}${both ? "|" : ">"}${formatEndpoint(to)}`
