/** The clauses of a fault rule's text: what each looks like, what it says, and how it is written. */
import * as FaultPlan from "./FaultPlan.ts"

/** What the clauses of a rule say. `isOpen` tells `@2s..` from `@2s`. */
export interface Parts {
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

/** One kind of clause. */
export interface Clause {
  readonly example: string
  /** What looks as if it were meant as one, and what it should have been. */
  readonly starts: RegExp
  readonly expected: string
  readonly pattern: RegExp
  /** Undefined if its stats make no sense. */
  readonly read: (...groups: ReadonlyArray<string | undefined>) => Parts | undefined
}

const units = { h: 3_600e9, m: 60e9, s: 1e9, ms: 1e6, us: 1e3, ns: 1 } as const

const duration = /(\d{1,16}(?:\.\d{1,12})?(?:ns|us|ms|s|m|h))/.source
const ipv6 = /\[[\dA-Fa-f:.]+\]|[\dA-Fa-f]*:[\dA-Fa-f]*:[\dA-Fa-f:.]*/.source
const name = /[\w-]+(?:\.[\w-]+)*/.source
const end = `(\\*|${ipv6}|${name})(?::(\\d{1,5}))?`

/** Undefined if that is not a whole number of nanoseconds, or more than 104 days. */
const nanosOf = (text: string | undefined): number | undefined => {
  const [, amount, unit] = /^([\d.]+)(\w+)$/.exec(text ?? "") ?? []
  const exact = Number(amount) * units[unit as keyof typeof units]
  const whole = Math.round(exact)
  return Number.isSafeInteger(whole) && Math.abs(exact - whole) < 1e-3 ? whole : undefined
}

const hostOf = (text: string): string | undefined => {
  const host = text.replace(/^\[|\]$/g, "")
  return host === text && !host.includes(":") ? host : FaultPlan.literal(host) === undefined ? undefined : host
}

const endOf = (text: string, digits: string | undefined): FaultPlan.Endpoint | undefined => {
  const host = hostOf(text)
  const port = digits === undefined ? undefined : Number(digits)
  if (host === undefined || (port !== undefined && port > 65_535)) return undefined
  return port === undefined ? { host } : { host, port }
}

/** In the order in which they are tried. */
export const clauses: Readonly<Record<keyof Parts, Clause>> = {
  at: {
    example: "@2s..5s",
    starts: /^@/,
    expected: "a time such as @2s..5s, @2s.. or @..5s",
    pattern: new RegExp(`@${duration}?(\\.\\.)?${duration}?`, "y"),
    read: (first, dots, last) => {
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
    starts: /^#/,
    expected: "a packet number such as #3, #2..4 or #2..",
    pattern: /#(\d{1,16})(?:(\.\.)(\d{1,16})?)?/y,
    read: (first, dots, last) => {
      const from = Number(first)
      const to = Number(last ?? first)
      if (from < 1 || to < from || !Number.isSafeInteger(to)) return undefined
      return { nth: dots !== undefined && last === undefined ? { from } : { from, to } }
    }
  },
  kind: {
    example: "kind=ACK",
    starts: /^kind\b/,
    expected: "a kind such as kind=ACK",
    pattern: /kind=([\w.+/-]+)/y,
    read: (kind) => ({ kind: kind! })
  },
  pair: {
    example: "a>b",
    starts: /[>|]/,
    expected: "two hosts such as a>b or a|b, each a name, an IP address or *, perhaps with a port",
    pattern: new RegExp(`${end}([>|])${end}`, "y"),
    read: (one, onePort, arrow, other, otherPort) => {
      const from = endOf(one!, onePort)
      const to = endOf(other!, otherPort)
      return from === undefined || to === undefined ? undefined : { pair: { from, to, both: arrow === "|" } }
    }
  },
  percent: {
    example: "5%",
    starts: /^[\d.-]+%/,
    expected: "a rate over 0% and up to 100%, with at most three decimals",
    pattern: /(\d{1,3}(?:\.\d{1,3})?)%/y,
    read: (text) => {
      const percent = Number(text)
      return percent > 0 && percent <= 100 ? { percent } : undefined
    }
  },
  time: {
    example: "20ms",
    starts: /^[\d.]/,
    expected: "a duration such as 20ms or 20ms..40ms, in ns, us, ms, s, m or h",
    pattern: new RegExp(`${duration}(?:\\.\\.${duration})?`, "y"),
    read: (first, last) => {
      const from = nanosOf(first)
      const to = nanosOf(last ?? first)
      return from === undefined || to === undefined || to < from ? undefined : { time: { from, to } }
    }
  },
  number: {
    example: "17",
    starts: /^:|^\d/,
    expected: "a number such as 17",
    pattern: /:?(\d{1,16})/y,
    read: (text) => {
      const number = Number(text)
      return Number.isSafeInteger(number) ? { number } : undefined
    }
  },
  transport: {
    example: "udp",
    starts: /^(udp|tcp)/,
    expected: "udp or tcp",
    pattern: /(udp|tcp)/y,
    read: (transport) => ({ transport: transport as "udp" | "tcp" })
  },
  host: {
    example: "a",
    starts: /^[\w[]/,
    expected: "a host: its name or IP address",
    pattern: new RegExp(`(${ipv6}|${name})`, "y"),
    read: (text) => {
      const host = hostOf(text!)
      return host === undefined ? undefined : { host }
    }
  }
}

/** A time in its largest unit that leaves no fraction. */
export const formatNanos = (nanos: number): string => {
  const unit =
    nanos === 0 ? "s" : (Object.keys(units) as Array<keyof typeof units>).find((u) => nanos % units[u] === 0)!
  return `${nanos / units[unit]}${unit}`
}

export const formatRange = ({ from, to }: FaultPlan.Range): string =>
  from === to ? formatNanos(from) : `${formatNanos(from)}..${formatNanos(to)}`

export const formatNth = ({ from, to }: FaultPlan.Nth): string =>
  to === undefined ? `#${from}..` : to === from ? `#${from}` : `#${from}..${to}`

export const formatWindow = ({ from, to }: FaultPlan.Window): string =>
  `@${formatNanos(from)}..${to === undefined ? "" : formatNanos(to)}`

export const formatHost = (host: string): string => (host.includes(":") ? `[${host}]` : host)

const formatEnd = ({ host, port }: FaultPlan.Endpoint) => `${formatHost(host)}${port === undefined ? "" : `:${port}`}`

export const formatPair = ({ both, from, to }: FaultPlan.Pair): string =>
  `${formatEnd(from)}${both ? "|" : ">"}${formatEnd(to)}`
