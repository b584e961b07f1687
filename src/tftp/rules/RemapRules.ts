/**
 * Rules that rename or refuse requested files, with the syntax and the semantics of the `-m` file of tftpd-hpa. Pure.
 *
 * A line is an operation, an extended regular expression, and a replacement. `#` begins a comment; a space or a `#` in
 * an expression or in a replacement has a backslash before it. All rules apply to the name in their order.
 *
 * | letter | operation |
 * | --- | --- |
 * | `r` | replace what the expression matches |
 * | `g` | with `r`: repeat the rule until it no longer matches |
 * | `i` | ignore case |
 * | `e` | end here if the rule matches |
 * | `s` | start again at the first rule if the rule matches |
 * | `a` | refuse the request if the rule matches; the replacement is the message for the client |
 * | `G`, `P` | only for reads (GET), only for writes (PUT) |
 * | `4`, `6` | only for clients with an IPv4 address, with an IPv6 address |
 * | `~` | apply if the expression does not match; not with `r` |
 *
 * A replacement has `\0` for the match, `\1` to `\9` for its groups, `\i` for the address of the client, `\x` for the
 * address in hexadecimal digits; `\U` and `\L` turn what follows to upper and lower case until `\E`.
 *
 * **Example** (A firmware suffix, and a boot loader by another name)
 *
 * ```ts
 * import * as Result from "effect/Result"
 * import { RemapRules } from "effect-inet/tftp"
 *
 * const rules = Result.getOrThrow(RemapRules.parse(`
 * rg \\\\              /           # slashes of Windows
 * ri ^firmware.*    current.bin
 * a  \\.key$         keys\\ are\\ not\\ served
 * `))
 * const client = { address: "192.0.2.7", port: 2_000 }
 * const { outcome } = RemapRules.apply(rules, { name: "Firmware-1.2", kind: "read", client })
 * outcome // => { _tag: "Renamed", name: "current.bin" }
 * ```
 */
import * as Result from "effect/Result"
import * as Endpoint from "../../network/Endpoint.ts"
import * as PosixRegex from "./PosixRegex.ts"

const operations = "rgiesaGP46~"

/** A rule. @category models @since 0.1.0 */
export interface Rule {
  /** The line of the file, from 1. */
  readonly line: number
  /** The letters of the operation, as written. */
  readonly operation: string
  readonly regex: PosixRegex.PosixRegex
  /** The replacement; for `a` the message for the client. Empty if there is none. */
  readonly replacement: string
}

/** Rules in the order of the file. @category models @since 0.1.0 */
export type Rules = ReadonlyArray<Rule>

/** An error in a file of rules, with its place from 1. @category errors @since 0.1.0 */
export interface RulesError {
  readonly line: number
  readonly column: number
  readonly message: string
}

/** The largest file of rules, in characters. @category constants @since 0.1.0 */
export const maxFileChars = 1_048_576

/** A word of a line, with its column from 1. */
interface Word {
  readonly text: string
  readonly column: number
}

/** Splits a line into words: they end at a space or a `#` that has no backslash before it. */
const wordsOf = (line: string): ReadonlyArray<Word> => {
  const words: Array<Word> = []
  const pattern = /\s*((?:\\[\s\S]|\\$|[^\s#\\])+)/y
  for (let match = pattern.exec(line); match !== null; match = pattern.exec(line)) {
    const text = match[1]!
    words.push({ text, column: pattern.lastIndex - text.length + 1 })
  }
  return words
}

const fail = (line: number, column: number, message: string) => Result.fail<RulesError>({ line, column, message })

const parseLine = (text: string, line: number): Result.Result<Rule | undefined, RulesError> => {
  const [operation, expression, replacement, extra] = wordsOf(text)
  if (operation === undefined) return Result.succeed(undefined)
  const invalidAt = Array.from(operation.text).findIndex((letter) => !operations.includes(letter))
  if (invalidAt >= 0) {
    const letter = JSON.stringify(operation.text[invalidAt])
    return fail(line, operation.column + invalidAt, `expected letters of ${operations}, the operation (got ${letter})`)
  }
  const has = (letter: string) => operation.text.includes(letter)
  if (has("r") && has("~")) {
    return fail(line, operation.column, "r and ~ cannot be combined: nothing matches that could be replaced")
  }
  if (expression === undefined) {
    return fail(line, operation.column + operation.text.length, "expected a regular expression after the operation")
  }
  if (extra !== undefined) {
    return fail(line, extra.column, 'expected the end of the line: write "\\ " for a space, or # before a comment')
  }
  const regex = PosixRegex.compile(expression.text, { ignoreCase: has("i") })
  if (Result.isFailure(regex)) {
    const { column, message } = regex.failure
    return fail(line, expression.column + column - 1, message)
  }
  return Result.succeed({
    line,
    operation: operation.text,
    regex: regex.success,
    replacement: replacement?.text ?? ""
  })
}

/**
 * Parses a file of rules. Fails with its first error.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (text: string): Result.Result<Rules, RulesError> => {
  if (text.length > maxFileChars) return fail(1, 1, `the file is too long (more than ${maxFileChars} characters)`)
  const rules: Array<Rule> = []
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const rule = parseLine(line, index + 1)
    if (Result.isFailure(rule)) return Result.fail(rule.failure)
    if (rule.success !== undefined) rules.push(rule.success)
  }
  return Result.succeed(rules)
}

/** A request to rename. @category models @since 0.1.0 */
export interface Request {
  /** The name as the client has sent it. */
  readonly name: string
  readonly kind: "read" | "write"
  readonly client: Endpoint.Endpoint
}

/** The result of the rules. @category models @since 0.1.0 */
export type Outcome =
  | { readonly _tag: "Renamed"; readonly name: string }
  /** A rule `a` has refused the request. `message` is its own message for the client. */
  | { readonly _tag: "Refused"; readonly line: number; readonly message: string | undefined }
  /** The rules did not come to an end: more than 1,024 matches, or too long a name. */
  | { readonly _tag: "Endless"; readonly line: number }

/** A rule that was looked at. @category models @since 0.1.0 */
export interface Step {
  readonly line: number
  readonly result: "matched" | "not matched" | "other requests"
  /** The name after the rule. */
  readonly name: string
}

/** The result of the rules, and each step on the way. @category models @since 0.1.0 */
export interface Applied {
  readonly outcome: Outcome
  readonly steps: ReadonlyArray<Step>
}

/** The most matches, as in tftpd-hpa, and the most characters of a name and steps of searches, for one request. */
const limits = { matches: 1_024, nameChars: 4_096, searchSteps: 2_000_000 }

/** Returns an address in hexadecimal digits: 8 for IPv4, 32 for IPv6. */
const hexAddress = (address: string): string => {
  const hex = (number: number, digits: number) => number.toString(16).toUpperCase().padStart(digits, "0")
  if (!address.includes(":"))
    return address
      .split(".")
      .map((byte) => hex(Number(byte), 2))
      .join("")
  const [left = [], right] = address.split("::").map((half) => (half === "" ? [] : half.split(":")))
  const zeros = right === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => "0")
  return [...left, ...zeros, ...(right ?? [])].map((group) => hex(Number.parseInt(group, 16), 4)).join("")
}

const cases: Readonly<Record<string, (text: string) => string>> = {
  U: (text) => text.toUpperCase(),
  L: (text) => text.toLowerCase(),
  E: (text) => text
}

/** Replaces the escapes of a replacement. `match` is empty if the expression did not match. */
const expand = (
  replacement: string,
  name: ReadonlyArray<string>,
  match: PosixRegex.Match,
  client: Endpoint.Endpoint
): string => {
  const address = Endpoint.canonical(client.address)
  let change = cases.E!
  let expanded = ""
  for (const [, escaped, plain = ""] of replacement.matchAll(/\\([\s\S])|([^\\]|\\$)/gu)) {
    const caseChange = escaped === undefined ? undefined : cases[escaped]
    if (caseChange !== undefined) {
      change = caseChange
      continue
    }
    expanded += change(escaped === undefined ? plain : expandEscape(escaped, name, match, address))
  }
  return expanded
}

const expandEscape = (
  escaped: string,
  name: ReadonlyArray<string>,
  match: PosixRegex.Match,
  address: string
): string => {
  if (escaped === "i") return address
  if (escaped === "x") return hexAddress(address)
  if (!/^\d$/.test(escaped)) return escaped
  const [from, to] = match[Number(escaped)] ?? [0, 0]
  return name.slice(from, to).join("")
}

const isFor = (operation: string, { client, kind }: Request): boolean => {
  const isIpv4 = Endpoint.familyOf(client.address) === "IPv4"
  const kinds = { G: kind === "read", P: kind === "write" }
  const families = { 4: isIpv4, 6: !isIpv4 }
  const permits = (table: Readonly<Record<string, boolean>>) => {
    const named = Object.keys(table).filter((letter) => operation.includes(letter))
    return named.length === 0 || named.some((letter) => table[letter])
  }
  return permits(kinds) && permits(families)
}

/** The state while rules are applied. */
interface Run {
  readonly request: Request
  readonly budget: PosixRegex.Budget
  matches: number
  name: string
}

const noMatch: PosixRegex.Match = []

/** Applies one rule, with `g` as often as it matches. Returns undefined if it does not match, else its outcome. */
const applyRule = (run: Run, { line, operation, regex, replacement }: Rule): Outcome | "matched" | undefined => {
  let hasMatched = false
  do {
    const characters = Array.from(run.name)
    const found = PosixRegex.find(regex, characters, run.budget)
    if (run.budget.steps <= 0) return { _tag: "Endless", line }
    if ((found === undefined) !== operation.includes("~")) break
    hasMatched = true
    if (++run.matches > limits.matches) return { _tag: "Endless", line }
    const match = found ?? noMatch
    if (operation.includes("a")) {
      const message = replacement === "" ? undefined : expand(replacement, characters, match, run.request.client)
      return { _tag: "Refused", line, message }
    }
    if (!operation.includes("r")) break
    const [from, to] = match[0]!
    const inserted = expand(replacement, characters, match, run.request.client)
    run.name = [...characters.slice(0, from), inserted, ...characters.slice(to)].join("")
    if (run.name.length > limits.nameChars) return { _tag: "Endless", line }
  } while (operation.includes("g"))
  return hasMatched ? "matched" : undefined
}

/**
 * Applies rules to a request.
 *
 * @category combinators
 * @since 0.1.0
 */
export const apply = (rules: Rules, request: Request): Applied => {
  const run: Run = { request, budget: { steps: limits.searchSteps }, matches: 0, name: request.name }
  const steps: Array<Step> = []
  for (let index = 0; index < rules.length; index++) {
    const rule = rules[index]!
    const { line, operation } = rule
    if (!isFor(operation, request)) {
      steps.push({ line, result: "other requests", name: run.name })
      continue
    }
    const result = applyRule(run, rule)
    steps.push({ line, result: result === undefined ? "not matched" : "matched", name: run.name })
    if (result === undefined) continue
    if (result !== "matched") return { outcome: result, steps }
    if (operation.includes("e")) break
    if (operation.includes("s")) index = -1
  }
  return { outcome: { _tag: "Renamed", name: run.name }, steps }
}
