/** Plays number guessing: a guess, its answer, and what is left to guess from. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Line from "../network/Line.ts"
import type * as Network from "../network/Network.ts"
import type { NetworkError } from "../network/Network.ts"
import type { Range, Verdict } from "./Guess.ts"

/** The server did not answer as one of number guessing does. @category errors @since 0.1.0 */
export class GuessClientError extends Data.TaggedError("GuessClientError")<{
  readonly reason: "Ended" | "Foreign"
}> {
  override get message(): string {
    return this.reason === "Ended"
      ? "the server ended the connection"
      : "this server does not play number guessing: its answer is not one of too big, too small, correct!"
  }
}

/** A server to play with. @category models @since 0.1.0 */
export interface GuessClient {
  /** Sends a guess and waits for the answer; one at a time, since a server takes what one read gives for one guess. */
  readonly ask: (guess: string) => Effect.Effect<Verdict, GuessClientError | Line.LineError | NetworkError>
}

/**
 * What is left to guess from after an answer; empty, `min` above `max`, where the answers disagree.
 *
 * @category getters
 * @since 0.1.0
 */
export const narrow = ({ max, min }: Range, guess: number, verdict: Verdict): Range =>
  verdict === "correct!"
    ? { min: guess, max: guess }
    : verdict === "too big"
      ? { min, max: Math.min(max, guess - 1) }
      : { min: Math.max(min, guess + 1), max }

const verdicts: ReadonlySet<string> = new Set<Verdict>(["too big", "too small", "correct!"])
const isVerdict = (line: string): line is Verdict => verdicts.has(line)

/** Plays over a connection, until the scope closes. @category constructors @since 0.1.0 */
export const make = Effect.fnUntraced(function* (connection: Network.Connection) {
  const lines = yield* Line.make(connection, { maxLength: 80 })
  const ended = Effect.fail(new GuessClientError({ reason: "Ended" }))
  const client: GuessClient = {
    ask: Effect.fnUntraced(function* (guess) {
      yield* connection.write(`${guess}\n`)
      const line = yield* Pull.catchDone(lines.next, () => ended)
      return isVerdict(line) ? line : yield* new GuessClientError({ reason: "Foreign" })
    })
  }
  return client
})
