/**
 * Text form of fault plans, on one line.
 *
 * ```text
 * plan     = [ rule *( ("," / ";") rule ) ]
 * rule     = action [ "=" ] *clause
 * clause   = "#" n [ ".." [ m ] ]                the nth matching packet, from 1; n to m; all from the nth on
 *          / x "%"                               percentage of the matching packets, drawn from the seed
 *          / [ ":" ] n                           number of the action
 *          / duration [ ".." duration ]          duration of the action; a range is drawn from the seed
 *          / "udp" / "tcp"                       transport, for delay
 *          / end (">" / "|") end                 one direction, or both
 *          / "kind=" kind                        as dissected (ACK), or on the wire (syn, fin)
 *          / "@" [ duration ] ".." [ duration ]  window since the start of the run, end exclusive
 * end      = ("*" / name / IPv4 / "[" IPv6 "]") [ ":" port ]
 * duration = x ("ns" / "us" / "ms" / "s" / "m" / "h")
 * ```
 *
 * Clauses are in any order, each at most once, separated by blanks; a clause that begins with `#`, `:` or `@` needs no
 * blank before it. Actions, their values besides the selection of packets, and the defaults:
 *
 * ```text
 * udp   drop
 *       dup        number of copies (1), delay of the copies (0s)
 *       reorder    number of packets that overtake (1), maximum time to hold the packet (1s)
 *       corrupt    bit, from the most significant of the first byte (drawn)
 *       truncate   bytes that are kept (drawn)
 * tcp   stall      duration (for ever)
 *       chunk      bytes of a segment (1)
 *       reset      bytes before RST (0)
 *       cut        bytes before FIN (0)
 * both  delay      duration; required
 * partition=a|b@2s..5s    pause=h@2s..3s    crash=h@2s    crash=h@2s..5s    restart=h@5s
 * ```
 */
import * as Result from "effect/Result"
import * as FaultPlan from "./FaultPlan.ts"
import * as FaultPlanClauses from "./FaultPlanClauses.ts"

type Rule = FaultPlan.Rule
type Parts = FaultPlanClauses.ClauseValues
type Name = keyof Parts
type Of<A extends FaultPlan.Action> = Extract<Rule, { readonly action: A }>

/** Syntax of an action. */
interface RuleSyntax<R extends Rule> {
  readonly allowed: ReadonlyArray<Name>
  readonly required: ReadonlyArray<Name>
  /** Bounds of the number. */
  readonly minNumber: number
  readonly maxNumber: number
  /** Use of a single time, such as `@5s`, in place of a window: never, allowed or required. */
  readonly instantWindow: "never" | "may" | "must"
  readonly build: (parts: Parts) => R
  /** Returns the values of a rule besides its selection of packets. */
  readonly valuesOf: (rule: R) => Pick<Parts, "number" | "time" | "transport">
}

const unlimitedNumber = Number.MAX_SAFE_INTEGER
const second: FaultPlan.Range = { from: 1e9, to: 1e9 }
const noDelay: FaultPlan.Range = { from: 0, to: 0 }

/** Returns the fields without those that are undefined. */
const present = <A extends object>(fields: A) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    readonly [K in keyof A]?: Exclude<A[K], undefined>
  }

const windowOf = ({ at }: Parts): FaultPlan.Window | undefined =>
  at && (at.to === undefined ? { from: at.from } : { from: at.from, to: at.to })

const matchingFields = (parts: Parts) => {
  const { kind, nth, pair, percent } = parts
  return present({ nth, percent, pair, kind, window: windowOf(parts) })
}

/** Returns a value, or undefined if it is the default. */
const omitDefault = (defaultValue: number, value: number) => (value === defaultValue ? undefined : value)
const omitDefaultRange = (defaultValue: FaultPlan.Range, { from, to }: FaultPlan.Range) =>
  from === defaultValue.from && to === defaultValue.to ? undefined : { from, to }

const matching = ["nth", "percent", "pair", "kind", "at", "transport"] as const
const withoutValue = {
  allowed: matching,
  required: [],
  minNumber: 0,
  maxNumber: unlimitedNumber,
  instantWindow: "never",
  valuesOf: () => ({})
} as const
const withNumber = { ...withoutValue, allowed: [...matching, "number"] } as const
const withTime = { ...withoutValue, allowed: [...matching, "time"] } as const
const withTimeAndNumber = { ...withoutValue, allowed: [...matching, "time", "number"] } as const
const onHost = { ...withoutValue, allowed: ["host", "at"], required: ["host", "at"], instantWindow: "may" } as const

const lastingOnHost = <A extends "pause" | "crash">(action: A) => ({
  ...onHost,
  build: ({ at, host }: Parts) => ({ action, host: host!, at: at!.from, ...present({ until: at!.to }) })
})

const syntax: { readonly [A in FaultPlan.Action]: RuleSyntax<Of<A>> } = {
  drop: { ...withoutValue, build: (parts) => ({ action: "drop", ...matchingFields(parts) }) },
  dup: {
    ...withTimeAndNumber,
    minNumber: 1,
    maxNumber: 1000,
    build: (parts) => ({
      action: "dup",
      copies: parts.number ?? 1,
      after: parts.time ?? noDelay,
      ...matchingFields(parts)
    }),
    valuesOf: ({ after, copies }) => present({ number: omitDefault(1, copies), time: omitDefaultRange(noDelay, after) })
  },
  reorder: {
    ...withTimeAndNumber,
    minNumber: 1,
    build: (parts) => ({
      action: "reorder",
      by: parts.number ?? 1,
      within: parts.time ?? second,
      ...matchingFields(parts)
    }),
    valuesOf: ({ by, within }) => present({ number: omitDefault(1, by), time: omitDefaultRange(second, within) })
  },
  corrupt: {
    ...withNumber,
    build: (parts) => ({ action: "corrupt", ...present({ bit: parts.number }), ...matchingFields(parts) }),
    valuesOf: ({ bit }) => present({ number: bit })
  },
  truncate: {
    ...withNumber,
    build: (parts) => ({ action: "truncate", ...present({ bytes: parts.number }), ...matchingFields(parts) }),
    valuesOf: ({ bytes }) => present({ number: bytes })
  },
  delay: {
    ...withTime,
    required: ["time"],
    build: (parts) => ({
      action: "delay",
      by: parts.time!,
      ...present({ transport: parts.transport }),
      ...matchingFields(parts)
    }),
    valuesOf: ({ by, transport }) => present({ time: by, transport })
  },
  stall: {
    ...withTime,
    build: (parts) => ({ action: "stall", ...present({ for: parts.time }), ...matchingFields(parts) }),
    valuesOf: (rule) => present({ time: rule.for })
  },
  chunk: {
    ...withNumber,
    minNumber: 1,
    build: (parts) => ({ action: "chunk", bytes: parts.number ?? 1, ...matchingFields(parts) }),
    valuesOf: ({ bytes }) => present({ number: omitDefault(1, bytes) })
  },
  reset: {
    ...withNumber,
    build: (parts) => ({ action: "reset", after: parts.number ?? 0, ...matchingFields(parts) }),
    valuesOf: ({ after }) => present({ number: omitDefault(0, after) })
  },
  cut: {
    ...withNumber,
    build: (parts) => ({ action: "cut", after: parts.number ?? 0, ...matchingFields(parts) }),
    valuesOf: ({ after }) => present({ number: omitDefault(0, after) })
  },
  partition: {
    ...withoutValue,
    allowed: ["pair", "at"],
    required: ["pair"],
    build: (parts) => ({ action: "partition", pair: parts.pair!, ...present({ window: windowOf(parts) }) })
  },
  pause: lastingOnHost("pause"),
  crash: lastingOnHost("crash"),
  restart: {
    ...onHost,
    instantWindow: "must",
    build: ({ at, host }) => ({ action: "restart", host: host!, at: at!.from })
  }
}

const isAction = (word: string): word is FaultPlan.Action => Object.hasOwn(syntax, word)

const fail = (reason: FaultPlan.FaultPlanError["reason"]) => Result.fail(new FaultPlan.FaultPlanError({ reason }))

const wordAt = (text: string, at: number) => /^(?:[^\s,;]+|[,;]|$)/.exec(text.slice(at))![0]
const isRuleEnd = (text: string, at: number) => at === text.length || text[at] === "," || text[at] === ";"
const skipBlanks = (text: string, at: number) => at + /^\s*/.exec(text.slice(at))![0].length

const malformed = (text: string, at: number, expected: string) =>
  fail(new FaultPlan.Malformed({ column: at + 1, expected, found: wordAt(text, at).slice(0, 40) }))

/**
 * Reads a clause at a position; returns undefined if none of that name is there. Its values are undefined if invalid.
 */
const readClause = (name: Name, text: string, at: number) => {
  const { pattern, parse } = FaultPlanClauses.clauses[name]
  pattern.lastIndex = at
  const found = pattern.exec(text)
  const end = pattern.lastIndex
  return found === null || !/^(?:[\s,;@#:]|$)/.test(text.slice(end))
    ? undefined
    : { end, parts: parse(...found.slice(1)) }
}

/** Returns what was expected in place of a clause that the action does not accept. */
const clauseError = (parts: Parts, { instantWindow, minNumber, maxNumber }: RuleSyntax<Rule>): string | undefined => {
  if (parts.number !== undefined && (parts.number < minNumber || parts.number > maxNumber))
    return maxNumber === unlimitedNumber
      ? `a number of at least ${minNumber}`
      : `a number from ${minNumber} to ${maxNumber}`
  if (parts.at === undefined || instantWindow === "may") return undefined
  if (instantWindow === "must") return parts.at.isOpen ? "a single time such as @5s" : undefined
  return parts.at.isOpen ? undefined : FaultPlanClauses.clauses.at.expected
}

const parseRule = (text: string, start: number): Result.Result<readonly [Rule, number], FaultPlan.FaultPlanError> => {
  const action = /^\w*/.exec(text.slice(start))![0]
  if (!isAction(action)) return malformed(text, start, `one of ${Object.keys(syntax).join(", ")}`)
  const ruleSyntax = syntax[action] as RuleSyntax<Rule>
  const anyClause = `a clause such as ${ruleSyntax.allowed.map((name) => FaultPlanClauses.clauses[name].example).join(", ")}`
  let parts: Parts = {}
  let at = skipBlanks(text, start + action.length)
  if (text[at] === "=") {
    at = skipBlanks(text, at + 1)
    if (isRuleEnd(text, at)) return malformed(text, at, anyClause)
  }
  while (!isRuleEnd(text, at)) {
    const word = wordAt(text, at)
    const name =
      ruleSyntax.allowed.find((name) => readClause(name, text, at) !== undefined) ??
      ruleSyntax.allowed.find((name) => FaultPlanClauses.clauses[name].prefix.test(word))
    if (name === undefined) return malformed(text, at, anyClause)
    const { example, expected } = FaultPlanClauses.clauses[name]
    const found = readClause(name, text, at)
    if (found?.parts === undefined) return malformed(text, at, expected)
    if (name in parts) return malformed(text, at, `no second clause such as ${example}`)
    const error = clauseError(found.parts, ruleSyntax)
    if (error !== undefined) return malformed(text, at, error)
    const { transport } = found.parts
    if (transport !== undefined && !FaultPlan.actions[transport].some((one) => one === action))
      return fail(new FaultPlan.WrongTransport({ column: at + 1, action, transport }))
    parts = { ...parts, ...found.parts }
    at = skipBlanks(text, found.end)
  }
  const missing = ruleSyntax.required.find((name) => !(name in parts))
  if (missing !== undefined) return malformed(text, at, FaultPlanClauses.clauses[missing].expected)
  return Result.succeed([ruleSyntax.build(parts), at])
}

/**
 * Parses a plan; blank text is the empty plan. Fails with `Malformed` or `WrongTransport`, both with the column; never
 * throws.
 *
 * **Example** (Parse and format)
 *
 * ```ts
 * import { FaultPlanSyntax } from "effect-inet/simulation"
 *
 * const plan = FaultPlanSyntax.parseUnsafe("dup=#3 kind=ACK, delay=20ms..40ms a>b @1s..")
 * plan.length // => 2
 * FaultPlanSyntax.format(plan) // => "dup=#3 kind=ACK, delay=20ms..40ms a>b @1s.."
 * FaultPlanSyntax.parse("drop=150%")._tag // => "Failure"
 * ```
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (text: string): Result.Result<FaultPlan.FaultPlan, FaultPlan.FaultPlanError> => {
  const rules: Array<Rule> = []
  for (let at = skipBlanks(text, 0); at < text.length || rules.length > 0; at = skipBlanks(text, at + 1)) {
    const parsed = parseRule(text, at)
    if (Result.isFailure(parsed)) return Result.fail(parsed.failure)
    const [rule, end] = parsed.success
    rules.push(rule)
    if (end === text.length) break
    at = end
  }
  return Result.succeed(rules)
}

/** Parses a plan; throws a `FaultPlanError` if the text is invalid. @category decoding @since 0.1.0 */
export const parseUnsafe = (text: string): FaultPlan.FaultPlan => Result.getOrThrow(parse(text))

/** Formats a rule so that `parse` returns an equal one. @category encoding @since 0.1.0 */
export const formatRule = (rule: Rule): string => {
  if (FaultPlan.isHostRule(rule)) {
    const { action, at, host } = rule
    const until = "until" in rule && rule.until !== undefined ? `..${FaultPlanClauses.formatNanos(rule.until)}` : ""
    return `${action}=${FaultPlanClauses.formatHost(host)}@${FaultPlanClauses.formatNanos(at)}${until}`
  }
  const window = rule.window === undefined ? "" : FaultPlanClauses.formatWindow(rule.window)
  if (rule.action === "partition") return `partition=${FaultPlanClauses.formatPair(rule.pair)}${window}`
  const { number, time, transport } = (syntax[rule.action] as RuleSyntax<Rule>).valuesOf(rule)
  const which = [rule.nth && FaultPlanClauses.formatNth(rule.nth), rule.percent && `${rule.percent}%`]
    .filter(Boolean)
    .join(" ")
  const value = [
    number === undefined ? which : which === "" ? `${number}` : `${which}:${number}`,
    time && FaultPlanClauses.formatRange(time)
  ].filter(Boolean)
  const rest = [
    transport,
    rule.pair && FaultPlanClauses.formatPair(rule.pair),
    rule.kind && `kind=${rule.kind}`,
    window
  ].filter(Boolean)
  return [value.length === 0 ? rule.action : `${rule.action}=${value.join(" ")}`, ...rest].join(" ")
}

/** Formats a plan as one line for which `parse` returns an equal plan. @category encoding @since 0.1.0 */
export const format = (plan: FaultPlan.FaultPlan): string => plan.map(formatRule).join(", ")
