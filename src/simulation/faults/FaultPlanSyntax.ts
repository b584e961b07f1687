/**
 * Fault plans as text, one line of it.
 *
 * ```text
 * plan     = [ rule *( ("," / ";") rule ) ]
 * rule     = action [ "=" ] *clause
 * clause   = "#" n [ ".." [ m ] ]                the nth matching packet, from 1; n to m; all from the nth on
 *          / x "%"                               that part of the matching packets, drawn from the seed
 *          / [ ":" ] n                           the action's number
 *          / duration [ ".." duration ]          the action's time; a range is drawn from by the seed
 *          / "udp" / "tcp"                       for delay, which both know
 *          / end (">" / "|") end                 one way, or both
 *          / "kind=" kind                        as dissected (ACK), or as on the wire (syn, fin)
 *          / "@" [ duration ] ".." [ duration ]  from when until before when, since the start of the run
 * end      = ("*" / name / IPv4 / "[" IPv6 "]") [ ":" port ]
 * duration = x ("ns" / "us" / "ms" / "s" / "m" / "h")
 * ```
 *
 * Clauses stand in any order, each at most once, with blanks between them; one that begins with `#`, `:` or `@` needs
 * no blank before it. What an action takes besides the clauses that say which packets, and what it is if left out:
 *
 * ```text
 * udp   drop
 *       dup        number of copies (1), how much later they come (0s)
 *       reorder    number of packets that overtake (1), how long at most they are waited for (1s)
 *       corrupt    bit, from the first byte's highest (drawn)
 *       truncate   bytes that are left (drawn)
 * tcp   stall      how long (for ever)
 *       chunk      bytes of a piece (1)
 *       reset      bytes that still pass (0), then RST
 *       cut        bytes that still pass (0), then FIN
 * both  delay      how long; required
 * partition=a|b@2s..5s    pause=h@2s..3s    crash=h@2s    crash=h@2s..5s    restart=h@5s
 * ```
 */
import * as Result from "effect/Result"
import * as FaultPlan from "./FaultPlan.ts"
import * as FaultPlanParser from "./FaultPlanParser.ts"

type Rule = FaultPlan.Rule
type Parts = FaultPlanParser.Parts
type Name = keyof Parts
type Of<A extends FaultPlan.Action> = Extract<Rule, { readonly action: A }>

/** How an action is written. */
interface Syntax<R extends Rule> {
  readonly takes: ReadonlyArray<Name>
  readonly needs: ReadonlyArray<Name>
  /** What the number may be. */
  readonly least: number
  readonly most: number
  /** Whether its time may or must be one without an end. */
  readonly instant: "never" | "may" | "must"
  readonly build: (parts: Parts) => R
  /** What has to be said of it, besides which packets it is about. */
  readonly figures: (rule: R) => Pick<Parts, "number" | "time" | "transport">
}

const unlimited = Number.MAX_SAFE_INTEGER
const second: FaultPlan.Range = { from: 1e9, to: 1e9 }
const atOnce: FaultPlan.Range = { from: 0, to: 0 }

/** Without the fields that are not there. */
const present = <A extends object>(fields: A) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    readonly [K in keyof A]?: Exclude<A[K], undefined>
  }

const windowOf = ({ at }: Parts): FaultPlan.Window | undefined =>
  at && (at.to === undefined ? { from: at.from } : { from: at.from, to: at.to })

const which = (parts: Parts) => {
  const { kind, nth, pair, percent } = parts
  return present({ nth, percent, pair, kind, window: windowOf(parts) })
}

/** A figure, unless it is the one that is meant without any. */
const unless = (usual: number, figure: number) => (figure === usual ? undefined : figure)
const unlessTime = (usual: FaultPlan.Range, { from, to }: FaultPlan.Range) =>
  from === usual.from && to === usual.to ? undefined : { from, to }

const matching = ["nth", "percent", "pair", "kind", "at", "transport"] as const
const plain = { takes: matching, needs: [], least: 0, most: unlimited, instant: "never", figures: () => ({}) } as const
const counted = { ...plain, takes: [...matching, "number"] } as const
const timed = { ...plain, takes: [...matching, "time"] } as const
const both = { ...plain, takes: [...matching, "time", "number"] } as const
const host = { ...plain, takes: ["host", "at"], needs: ["host", "at"], instant: "may" } as const

const lasting = <A extends "pause" | "crash">(action: A) => ({
  ...host,
  build: ({ at, host }: Parts) => ({ action, host: host!, at: at!.from, ...present({ until: at!.to }) })
})

const syntax: { readonly [A in FaultPlan.Action]: Syntax<Of<A>> } = {
  drop: { ...plain, build: (parts) => ({ action: "drop", ...which(parts) }) },
  dup: {
    ...both,
    least: 1,
    most: 1000,
    build: (parts) => ({
      action: "dup",
      copies: parts.number ?? 1,
      after: parts.time ?? atOnce,
      ...which(parts)
    }),
    figures: ({ after, copies }) => present({ number: unless(1, copies), time: unlessTime(atOnce, after) })
  },
  reorder: {
    ...both,
    least: 1,
    build: (parts) => ({
      action: "reorder",
      by: parts.number ?? 1,
      within: parts.time ?? second,
      ...which(parts)
    }),
    figures: ({ by, within }) => present({ number: unless(1, by), time: unlessTime(second, within) })
  },
  corrupt: {
    ...counted,
    build: (parts) => ({ action: "corrupt", ...present({ bit: parts.number }), ...which(parts) }),
    figures: ({ bit }) => present({ number: bit })
  },
  truncate: {
    ...counted,
    build: (parts) => ({ action: "truncate", ...present({ bytes: parts.number }), ...which(parts) }),
    figures: ({ bytes }) => present({ number: bytes })
  },
  delay: {
    ...timed,
    needs: ["time"],
    build: (parts) => ({
      action: "delay",
      by: parts.time!,
      ...present({ transport: parts.transport }),
      ...which(parts)
    }),
    figures: ({ by, transport }) => present({ time: by, transport })
  },
  stall: {
    ...timed,
    build: (parts) => ({ action: "stall", ...present({ for: parts.time }), ...which(parts) }),
    figures: (rule) => present({ time: rule.for })
  },
  chunk: {
    ...counted,
    least: 1,
    build: (parts) => ({ action: "chunk", bytes: parts.number ?? 1, ...which(parts) }),
    figures: ({ bytes }) => present({ number: unless(1, bytes) })
  },
  reset: {
    ...counted,
    build: (parts) => ({ action: "reset", after: parts.number ?? 0, ...which(parts) }),
    figures: ({ after }) => present({ number: unless(0, after) })
  },
  cut: {
    ...counted,
    build: (parts) => ({ action: "cut", after: parts.number ?? 0, ...which(parts) }),
    figures: ({ after }) => present({ number: unless(0, after) })
  },
  partition: {
    ...plain,
    takes: ["pair", "at"],
    needs: ["pair"],
    build: (parts) => ({ action: "partition", pair: parts.pair!, ...present({ window: windowOf(parts) }) })
  },
  pause: lasting("pause"),
  crash: lasting("crash"),
  restart: { ...host, instant: "must", build: ({ at, host }) => ({ action: "restart", host: host!, at: at!.from }) }
}

const isAction = (word: string): word is FaultPlan.Action => Object.hasOwn(syntax, word)

const fail = (reason: FaultPlan.FaultPlanError["reason"]) => Result.fail(new FaultPlan.FaultPlanError({ reason }))

const wordAt = (text: string, at: number) => /^(?:[^\s,;]+|[,;]|$)/.exec(text.slice(at))![0]
const isOver = (text: string, at: number) => at === text.length || text[at] === "," || text[at] === ";"
const skip = (text: string, at: number) => at + /^\s*/.exec(text.slice(at))![0].length

const malformed = (text: string, at: number, expected: string) =>
  fail(new FaultPlan.Malformed({ column: at + 1, expected, found: wordAt(text, at).slice(0, 40) }))

/** A clause at a place; undefined if none of that name stands there, its parts undefined if it makes no sense. */
const readClause = (name: Name, text: string, at: number) => {
  const { pattern, read } = FaultPlanParser.clauses[name]
  pattern.lastIndex = at
  const found = pattern.exec(text)
  const end = pattern.lastIndex
  return found === null || !/^(?:[\s,;@#:]|$)/.test(text.slice(end))
    ? undefined
    : { end, parts: read(...found.slice(1)) }
}

/** What is wrong with a clause that can be read. */
const objection = (parts: Parts, { instant, least, most }: Syntax<Rule>): string | undefined => {
  if (parts.number !== undefined && (parts.number < least || parts.number > most))
    return most === unlimited ? `a number from ${least} on` : `a number from ${least} to ${most}`
  if (parts.at === undefined || instant === "may") return undefined
  if (instant === "must") return parts.at.isOpen ? "a single time such as @5s" : undefined
  return parts.at.isOpen ? undefined : FaultPlanParser.clauses.at.expected
}

const parseRule = (text: string, start: number): Result.Result<readonly [Rule, number], FaultPlan.FaultPlanError> => {
  const action = /^\w*/.exec(text.slice(start))![0]
  if (!isAction(action)) return malformed(text, start, `one of ${Object.keys(syntax).join(", ")}`)
  const how = syntax[action] as Syntax<Rule>
  const any = `something like ${how.takes.map((name) => FaultPlanParser.clauses[name].example).join(", ")}`
  let parts: Parts = {}
  let at = skip(text, start + action.length)
  if (text[at] === "=") {
    at = skip(text, at + 1)
    if (isOver(text, at)) return malformed(text, at, any)
  }
  while (!isOver(text, at)) {
    const word = wordAt(text, at)
    const name =
      how.takes.find((name) => readClause(name, text, at) !== undefined) ??
      how.takes.find((name) => FaultPlanParser.clauses[name].starts.test(word))
    if (name === undefined) return malformed(text, at, any)
    const { example, expected } = FaultPlanParser.clauses[name]
    const found = readClause(name, text, at)
    if (found?.parts === undefined) return malformed(text, at, expected)
    if (name in parts) return malformed(text, at, `nothing more like ${example}`)
    const wrong = objection(found.parts, how)
    if (wrong !== undefined) return malformed(text, at, wrong)
    const { transport } = found.parts
    if (transport !== undefined && !FaultPlan.actions[transport].some((one) => one === action))
      return fail(new FaultPlan.WrongTransport({ column: at + 1, action, transport }))
    parts = { ...parts, ...found.parts }
    at = skip(text, found.end)
  }
  const missing = how.needs.find((name) => !(name in parts))
  if (missing !== undefined) return malformed(text, at, FaultPlanParser.clauses[missing].expected)
  return Result.succeed([how.build(parts), at])
}

/**
 * Reads a plan; blank text is the empty one. Fails with `Malformed` or `WrongTransport`, both with the column; never
 * throws.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (text: string): Result.Result<FaultPlan.FaultPlan, FaultPlan.FaultPlanError> => {
  const rules: Array<Rule> = []
  for (let at = skip(text, 0); at < text.length || rules.length > 0; at = skip(text, at + 1)) {
    const parsed = parseRule(text, at)
    if (Result.isFailure(parsed)) return Result.fail(parsed.failure)
    const [rule, end] = parsed.success
    rules.push(rule)
    if (end === text.length) break
    at = end
  }
  return Result.succeed(rules)
}

/** The same for a plan that is known to be right; throws the error otherwise. @category decoding @since 0.1.0 */
export const parseUnsafe = (text: string): FaultPlan.FaultPlan => Result.getOrThrow(parse(text))

/** Writes a rule so that `parse` reads the same. @category encoding @since 0.1.0 */
export const formatRule = (rule: Rule): string => {
  if (FaultPlan.isHostRule(rule)) {
    const { action, at, host } = rule
    const until = "until" in rule && rule.until !== undefined ? `..${FaultPlanParser.formatNanos(rule.until)}` : ""
    return `${action}=${FaultPlanParser.formatHost(host)}@${FaultPlanParser.formatNanos(at)}${until}`
  }
  const window = rule.window === undefined ? "" : FaultPlanParser.formatWindow(rule.window)
  if (rule.action === "partition") return `partition=${FaultPlanParser.formatPair(rule.pair)}${window}`
  const { number, time, transport } = (syntax[rule.action] as Syntax<Rule>).figures(rule)
  const which = [rule.nth && FaultPlanParser.formatNth(rule.nth), rule.percent && `${rule.percent}%`]
    .filter(Boolean)
    .join(" ")
  const value = [
    number === undefined ? which : which === "" ? `${number}` : `${which}:${number}`,
    time && FaultPlanParser.formatRange(time)
  ].filter(Boolean)
  const rest = [
    transport,
    rule.pair && FaultPlanParser.formatPair(rule.pair),
    rule.kind && `kind=${rule.kind}`,
    window
  ].filter(Boolean)
  return [value.length === 0 ? rule.action : `${rule.action}=${value.join(" ")}`, ...rest].join(" ")
}

/** Writes a plan as one line that `parse` reads back as the same. @category encoding @since 0.1.0 */
export const format = (plan: FaultPlan.FaultPlan): string => plan.map(formatRule).join(", ")
