/**
 * The text form of ranges of whole numbers: `A..B` excludes B, `A..=B` includes it, `B` alone is `0..=B`. Pure.
 *
 * A number has digits, optionally with `_` between them, and optionally an exponent: `10_000`, `1e10`, `2^53`.
 *
 * **Example** (Parsing a range)
 *
 * ```ts
 * import * as Result from "effect/Result"
 * import { Range } from "effect-inet/primes"
 *
 * Result.getOrThrow(Range.parse("10_000..=2e6")) // => { from: 10_000, to: 2_000_001 }
 * Range.format({ from: 0, to: 1e10 }) // => "0..10000000000"
 * Result.getOrThrow(Result.flip(Range.parse("5..1"))).reason // => "Backwards"
 * ```
 */
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import { upperLimit } from "./Kernel.ts"

/** The numbers n with `from <= n < to`; whole, `0 <= from <= to <= 2^53`. @category models @since 0.1.0 */
export interface Range {
  readonly from: number
  readonly to: number
}

const maxText = `2^53 (${upperLimit})`

const problems = {
  Empty: () => "a range is missing: write A..B, A..=B or B",
  NotNumber: (part: string) => `${part} is not a number: write it like 10_000, 1e10 or 2^53`,
  Negative: (part: string) => `${part} is below 0: write a number from 0 to ${maxText}`,
  TooLarge: (part: string) => `${part} is too large: write a number from 0 to ${maxText}`,
  Backwards: (part: string) => `the range ends before it begins: write ${part}`
}

/** The error of a text that is not a range. @category errors @since 0.1.0 */
export class RangeTextError extends Data.TaggedError("RangeTextError")<{
  readonly reason: keyof typeof problems
  readonly text: string
  /** The part of `text` that is wrong. */
  readonly part: string
}> {
  override get message(): string {
    const problem = problems[this.reason](quoted(this.part))
    return this.part === this.text ? problem : `${quoted(this.text)}: ${problem}`
  }
}

const maxQuotedChars = 40

/** Quotes a text as JSON, shortened to fit a line. */
const quoted = (text: string) =>
  JSON.stringify(text.length > maxQuotedChars ? `${text.slice(0, maxQuotedChars - 1)}…` : text)

/** Computes a power, or some number above the limit if the power is above it. */
const cappedPower = (base: bigint, exponent: bigint) => base ** (base > 1n && exponent > 54n ? 54n : exponent)

/** Parses a number: Infinity above the limit, undefined if the text is not a number. */
const numberOf = (text: string): number | undefined => {
  const [, digits, sign, exponent = "0"] = /^(\d+(?:_\d+)*)(?:([eE^])(\d+))?$/.exec(text) ?? []
  if (digits === undefined) return undefined
  const base = BigInt(digits.replaceAll("_", ""))
  if (base > upperLimit) return Number.POSITIVE_INFINITY
  const value = sign === "^" ? cappedPower(base, BigInt(exponent)) : base * cappedPower(10n, BigInt(exponent))
  return value > upperLimit ? Number.POSITIVE_INFINITY : Number(value)
}

const reasonFor = (part: string, number: number | undefined): RangeTextError["reason"] | undefined => {
  if (number !== undefined) return number > upperLimit ? "TooLarge" : undefined
  return part.startsWith("-") && numberOf(part.slice(1)) !== undefined ? "Negative" : "NotNumber"
}

/**
 * Parses a range. `..=2^53` is read as `..2^53`, because larger numbers are not supported; 2^53 is not a prime.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (text: string): Result.Result<Range, RangeTextError> => {
  const fail = (reason: RangeTextError["reason"], part: string) =>
    Result.fail(new RangeTextError({ reason, text, part }))
  if (text.trim() === "") return fail("Empty", text)
  const [, begin = "0", dots = "..=", end = text] = /^(.*?)(\.\.=?)(.*)$/s.exec(text) ?? []
  const parts = [begin.trim(), end.trim()] as const
  const numbers = parts.map(numberOf)
  for (const [at, part] of parts.entries()) {
    const reason = reasonFor(part, numbers[at])
    if (reason !== undefined) return fail(reason, part)
  }
  const [from = 0, last = 0] = numbers
  if (from > last) return fail("Backwards", `${parts[1]}${dots}${parts[0]}`)
  return Result.succeed({ from, to: Math.min(dots === "..=" ? last + 1 : last, upperLimit) })
}

/** Formats a range so that `parse` reads it. @category formatting @since 0.1.0 */
export const format = ({ from, to }: Range): string => `${from}..${to}`
