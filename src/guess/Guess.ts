/**
 * Number guessing: the server thinks of a number, the client guesses, each answer is one line. The replies are those of
 * the course's server byte for byte, and so is the framing: one guess is what one read gives, at most 100 bytes.
 *
 * It differs where the original is at fault. A guess ends with its read: the original lets `atoi` run on into what an
 * earlier, longer guess left in the buffer, or past its end. A number too large for 32 bits is the largest or the
 * smallest there is: with the original's `atoi` 4294967797 is 501.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type Client, type Definition, type Input, type Session, SessionError, type Step } from "../session/Session.ts"

const most = 2 ** 31 - 1

/** What a server answers; `correct!` is the last line. @category models @since 0.1.0 */
export type Verdict = "too big" | "too small" | "correct!"

const Bound = (value: number) =>
  Schema.Int.check(
    Schema.isBetween({ minimum: 1, maximum: most }, { expected: `a whole number from 1 to ${most}` })
  ).pipe(Schema.withDecodingDefault(Effect.succeed(value)))

/**
 * The numbers to guess from, both included: 1 to 2^31 - 1, default 1 to 1,000. There is no 0 among them, so that
 * garbage, which counts as 0, is never right.
 *
 * @category models
 * @since 0.1.0
 */
export const Range = Schema.Struct({ min: Bound(1), max: Bound(1_000) })
/** @category models @since 0.1.0 */
export type Range = typeof Range.Type

const number = /^[ \t\n\v\f\r]*([+-]?[0-9]+)/

/**
 * C's `atoi`: white space, a sign, digits; what follows is ignored, and without a digit it is 0. Out of range is
 * -2^31 or 2^31 - 1.
 *
 * @category decoding
 * @since 0.1.0
 */
export const atoi = (text: string): number => {
  const value = Number(number.exec(text)?.[1] ?? 0)
  return Math.max(-most - 1, Math.min(most, value)) + 0
}

/** What is said of a guess. @category sessions @since 0.1.0 */
export const judge = (target: number, guess: number): Verdict =>
  guess > target ? "too big" : guess < target ? "too small" : "correct!"

/** The number that a client has to find. @category sessions @since 0.1.0 */
export const target = ({ min, max }: Range, { seed }: Pick<Client, "seed">): number => min + (seed % (max - min + 1))

const receive = (state: number, input: Input): Step<number> => {
  if (input._tag !== "Line") return [state, {}]
  const verdict = judge(state, atoi(input.text))
  return [state, { text: `${verdict}\n`, close: verdict === "correct!" }]
}

/** One client's game, whose state is the number to find. It begins in silence. @category sessions @since 0.1.0 */
export const session = (range: Range): Session<number> => ({
  framing: { _tag: "Reads", max: 100 },
  open: (client) => [target(range, client), {}],
  receive
})

/** The module that exports `definition`, for other processes and threads. @category sessions @since 0.1.0 */
export const module: string = import.meta.url

/** How to make the session from `{ min, max }`. @category sessions @since 0.1.0 */
export const definition: Definition<Range, number> = {
  name: "guess",
  options: Range,
  ask: Schema.Never,
  told: Schema.Never,
  make: (range) =>
    range.min <= range.max
      ? Effect.succeed(session(range))
      : Effect.fail(
          new SessionError({ message: `numbers from ${range.min} to ${range.max}: the first must not exceed the last` })
        )
}
