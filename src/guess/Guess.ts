/**
 * Number guessing as a session: the server draws a number, the client guesses, and each reply is one line. Replies and
 * framing are those of the course's server, byte for byte: one guess is one read of at most 100 bytes.
 *
 * Two defects of the original are not copied. The original's `atoi` continues into bytes of an earlier, longer guess,
 * or past the end of the buffer; here a guess ends with its read. The original's `atoi` overflows, so that 4294967797
 * is read as 501; here a number outside the 32-bit range is replaced by the nearest limit.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  type ClientInfo,
  type Definition,
  type Input,
  type Session,
  SessionError,
  type Step
} from "../session/Session.ts"

/** Largest number of a range. @category constants @since 0.1.0 */
export const maxNumber: number = 2 ** 31 - 1

/** Reply to a guess. The server closes the connection after `correct!`. @category models @since 0.1.0 */
export type Verdict = "too big" | "too small" | "correct!"

const Bound = (value: number) =>
  Schema.Int.check(
    Schema.isBetween({ minimum: 1, maximum: maxNumber }, { expected: `a whole number from 1 to ${maxNumber}` })
  ).pipe(Schema.withDecodingDefault(Effect.succeed(value)))

/**
 * Range of the number, both limits included: within 1 to 2^31 - 1, default 1 to 1,000. It excludes 0, so that text
 * without digits, which counts as 0, is never right.
 *
 * @category models
 * @since 0.1.0
 */
export const Range = Schema.Struct({ min: Bound(1), max: Bound(1_000) })
/** @category models @since 0.1.0 */
export type Range = typeof Range.Type

const numberPattern = /^[ \t\n\v\f\r]*([+-]?[0-9]+)/

/**
 * Parses a number as `atoi` in C: white space, a sign, digits; the rest is ignored. Returns 0 for a text without
 * digits, and -2^31 or 2^31 - 1 if the number is out of range.
 *
 * @category decoding
 * @since 0.1.0
 */
export const atoi = (text: string): number => {
  const value = Number(numberPattern.exec(text)?.[1] ?? 0)
  return Math.max(-maxNumber - 1, Math.min(maxNumber, value)) + 0
}

/** Returns the reply to a guess. @category sessions @since 0.1.0 */
export const verdictOf = (target: number, guess: number): Verdict =>
  guess > target ? "too big" : guess < target ? "too small" : "correct!"

/** Returns the number that a client has to find. It follows from the client's seed. @category sessions @since 0.1.0 */
export const target = ({ min, max }: Range, { seed }: Pick<ClientInfo, "seed">): number =>
  min + (seed % (max - min + 1))

const receive = (state: number, input: Input): Step<number> => {
  if (input._tag !== "Line") return [state, {}]
  const verdict = verdictOf(state, atoi(input.text))
  return [state, { text: `${verdict}\n`, close: verdict === "correct!" }]
}

/**
 * Returns the session. Its state is the number to find. The server sends no greeting.
 *
 * @category sessions
 * @since 0.1.0
 */
export const session = (range: Range): Session<number> => ({
  framing: { _tag: "Reads", maxLength: 100 },
  open: (client) => [target(range, client), {}],
  receive
})

/** URL of this module, from which child processes and threads import `definition`. @category sessions @since 0.1.0 */
export const module: string = import.meta.url

/** Definition of the session, with the options `{ min, max }`. @category sessions @since 0.1.0 */
export const definition: Definition<Range, number> = {
  name: "guess",
  options: Range,
  ask: Schema.Never,
  message: Schema.Never,
  make: (range) =>
    range.min <= range.max
      ? Effect.succeed(session(range))
      : Effect.fail(
          new SessionError({ message: `invalid range ${range.min} to ${range.max}: min must not exceed max` })
        )
}
