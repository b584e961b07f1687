/**
 * Text form of fault plans, on one line.
 *
 * ```text
 * plan     = [ rule *( ("," / ";") rule ) ]
 * rule     = action [ "=" ] *clause
 * clause   = "#" n [ ".." [ m ] ]                the nth matching packet, from 1; n to m; all from the nth on
 *          / x "%"                               percentage of the matching packets, drawn from the seed
 *          / "burst=" n                          mean length of runs of packets that a percentage selects
 *          / "correlation=" x "%"                correlation of the choices for two packets in a row
 *          / [ ":" ] n                           number of the action
 *          / duration [ ".." duration ]          duration of the action; a range is drawn from the seed
 *          / duration "~" duration shape         mean and deviation of the duration; shape = "normal" / "pareto"
 *          / size "/s"                           bandwidth
 *          / "queue=" size                       queue of the bandwidth
 *          / "udp" / "tcp"                       transport, for delay and bandwidth
 *          / end (">" / "|") end                 one direction, or both
 *          / "kind=" kind                        as dissected (ACK), or on the wire (syn, fin)
 *          / "@" [ duration ] ".." [ duration ]  window since the start of the run, end exclusive
 * end      = ("*" / name / IPv4 / "[" IPv6 "]") [ ":" port ]
 * size     = x ("B" / "kB" / "MB" / "GB" / "KiB" / "MiB" / "GiB"); of a bandwidth also "bit", "kbit"...
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
 * both  delay      duration, or mean, deviation and shape; required
 *       bandwidth  bytes per second; required; queue (256KiB)
 * partition=a|b@2s..5s    pause=h@2s..3s    crash=h@2s    crash=h@2s..5s    restart=h@5s
 * ```
 *
 * Clocks and disks of a host; `kind=` selects operations: `read`, `write`, `sync` or `other`.
 *
 * ```text
 * jump=h@3s +1h           the wall clock jumps        disk-error=1% h    operations fail with EIO
 * drift=h@1s..5s 200ppm   the clocks run faster       disk-full=h@1s..3s writes fail with ENOSPC
 *                                                     disk-slow=h@1s.. 10ms..50ms
 * ```
 */
import * as Result from "effect/Result"
import * as FaultPlan from "./FaultPlan.ts"
import * as FaultPlanClauses from "./FaultPlanClauses.ts"
import * as FaultPlanGrammar from "./FaultPlanGrammar.ts"

type Rule = FaultPlan.Rule
type Parts = FaultPlanGrammar.Parts
type Name = FaultPlanGrammar.Name

const isAction = (word: string): word is FaultPlan.Action => Object.hasOwn(FaultPlanGrammar.actions, word)

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
const clauseError = (
  parts: Parts,
  { instantWindow, maxNumber, minNumber }: FaultPlanGrammar.RuleSyntax<Rule>
): string | undefined => {
  if (parts.number !== undefined && (parts.number < minNumber || parts.number > maxNumber))
    return maxNumber === FaultPlanGrammar.unlimitedNumber
      ? `a number of at least ${minNumber}`
      : `a number from ${minNumber} to ${maxNumber}`
  if (parts.at === undefined || instantWindow === "may") return undefined
  if (instantWindow === "must") return parts.at.isOpen ? "a single time such as @5s" : undefined
  return parts.at.isOpen ? undefined : FaultPlanClauses.clauses.at.expected
}

/** Returns the clause that begins at a word, or was meant: first of those that the rule does not have yet. */
const clauseAt = (allowed: ReadonlyArray<Name>, parts: Parts, text: string, at: number) => {
  const word = wordAt(text, at)
  const isNew = (name: Name) => !((name === "distribution" ? "time" : name) in parts)
  const isThere = (name: Name) => readClause(name, text, at) !== undefined
  const isMeant = (name: Name) => FaultPlanClauses.clauses[name].prefix.test(word)
  const missing = allowed.filter(isNew)
  return missing.find(isThere) ?? missing.find(isMeant) ?? allowed.find(isThere) ?? allowed.find(isMeant)
}

/** Returns an error of the clauses of a rule together: a missing one, or two that exclude each other. */
const ruleError = (
  { required }: FaultPlanGrammar.RuleSyntax<Rule>,
  parts: Parts,
  seen: ReadonlyMap<Name, number>,
  end: number
): readonly [at: number, expected: string] | undefined => {
  const missing = required.find((name) => !(name in parts))
  if (missing !== undefined) return [end, FaultPlanClauses.clauses[missing].expected]
  const wrong = FaultPlan.chanceError(parts)
  return wrong && [seen.get(wrong[0]) ?? end, wrong[1]]
}

const parseRule = (text: string, start: number): Result.Result<readonly [Rule, number], FaultPlan.FaultPlanError> => {
  const action = /^[\w-]*/.exec(text.slice(start))![0]
  if (!isAction(action)) return malformed(text, start, `one of ${Object.keys(FaultPlanGrammar.actions).join(", ")}`)
  const ruleSyntax = FaultPlanGrammar.actions[action] as FaultPlanGrammar.RuleSyntax<Rule>
  const examples = ruleSyntax.allowed.map((name) => FaultPlanClauses.clauses[name].example)
  const anyClause = `a clause such as ${examples.join(", ")}`
  const seen = new Map<Name, number>()
  let parts: Parts = {}
  let at = skipBlanks(text, start + action.length)
  if (text[at] === "=") {
    at = skipBlanks(text, at + 1)
    if (isRuleEnd(text, at)) return malformed(text, at, anyClause)
  }
  while (!isRuleEnd(text, at)) {
    const name = clauseAt(ruleSyntax.allowed, parts, text, at)
    if (name === undefined) return malformed(text, at, anyClause)
    const { example, expected } = FaultPlanClauses.clauses[name]
    const found = readClause(name, text, at)
    if (found?.parts === undefined) return malformed(text, at, expected)
    if (Object.keys(found.parts).some((key) => key in parts))
      return malformed(text, at, `no second clause such as ${example}`)
    const error = clauseError(found.parts, ruleSyntax)
    if (error !== undefined) return malformed(text, at, error)
    const { transport } = found.parts
    if (transport !== undefined && !FaultPlan.actions[transport].some((one) => one === action))
      return fail(new FaultPlan.WrongTransport({ column: at + 1, action, transport }))
    parts = { ...parts, ...found.parts }
    seen.set(name, at)
    at = skipBlanks(text, found.end)
  }
  const error = ruleError(ruleSyntax, parts, seen, at)
  return error === undefined ? Result.succeed([ruleSyntax.build(parts), at]) : malformed(text, ...error)
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

const words = (...all: ReadonlyArray<string | undefined>) => all.filter((word) => word !== undefined && word !== "")

const formatWhich = ({ nth, percent }: FaultPlan.Chance) =>
  words(nth && FaultPlanClauses.formatNth(nth), percent === undefined ? undefined : `${percent}%`).join(" ")

const formatChain = ({ burst, correlation }: FaultPlan.Chance) =>
  words(
    burst === undefined ? undefined : `burst=${burst}`,
    correlation === undefined ? undefined : `correlation=${correlation}%`
  )

/** True for a host that could be read as a value. */
const looksLikeValue = (host: string) => /^\d.*[a-z]$/.test(host)

const formatHostRule = (rule: FaultPlan.HostRule): string => {
  const { ppm, shift, time } = (FaultPlanGrammar.actions[rule.action] as FaultPlanGrammar.RuleSyntax<Rule>).valuesOf(
    rule
  )
  const value = words(
    time && FaultPlanClauses.formatDuration(time),
    shift === undefined ? undefined : FaultPlanClauses.formatShift(shift),
    ppm === undefined ? undefined : `${ppm}ppm`
  )
  const until = "until" in rule && rule.until !== undefined ? `..${FaultPlanClauses.formatNanos(rule.until)}` : ""
  const window = FaultPlan.isDiskRule(rule)
    ? rule.window && FaultPlanClauses.formatWindow(rule.window)
    : `@${FaultPlanClauses.formatNanos(rule.at)}${until}`
  const place = `${FaultPlanClauses.formatHost(rule.host)}${window ?? ""}`
  const chance: FaultPlan.Chance = FaultPlan.isDiskRule(rule) ? rule : {}
  const operation = "operation" in rule ? `kind=${rule.operation}` : undefined
  const all = [...(looksLikeValue(rule.host) ? [...value, place] : [place, ...value]), ...words(operation)]
  return `${rule.action}=${words(formatWhich(chance), ...formatChain(chance), ...all).join(" ")}`
}

/** Formats a rule so that `parse` returns an equal one. @category encoding @since 0.1.0 */
export const formatRule = (rule: Rule): string => {
  if (FaultPlan.isHostRule(rule)) return formatHostRule(rule)
  const window = rule.window === undefined ? undefined : FaultPlanClauses.formatWindow(rule.window)
  if (rule.action === "partition") return `partition=${FaultPlanClauses.formatPair(rule.pair)}${window ?? ""}`
  const { number, queue, rate, time, transport } = (
    FaultPlanGrammar.actions[rule.action] as FaultPlanGrammar.RuleSyntax<Rule>
  ).valuesOf(rule)
  const chance: FaultPlan.Chance = rule.action === "bandwidth" ? {} : rule
  const which = formatWhich(chance)
  const value = words(
    number === undefined ? which : which === "" ? `${number}` : `${which}:${number}`,
    time && FaultPlanClauses.formatDuration(time),
    rate === undefined ? undefined : `${FaultPlanClauses.formatBytes(rate)}/s`
  )
  const rest = words(
    ...formatChain(chance),
    queue === undefined ? undefined : `queue=${FaultPlanClauses.formatBytes(queue)}`,
    transport,
    rule.pair && FaultPlanClauses.formatPair(rule.pair),
    rule.kind && `kind=${rule.kind}`,
    window
  )
  return [value.length === 0 ? rule.action : `${rule.action}=${value.join(" ")}`, ...rest].join(" ")
}

/** Formats a plan as one line for which `parse` returns an equal plan. @category encoding @since 0.1.0 */
export const format = (plan: FaultPlan.FaultPlan): string => plan.map(formatRule).join(", ")
