/**
 * Client for number guessing.
 *
 * **Example** (Finding the number by halving the range)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as NetAddress from "effect/net/NetAddress"
 * import { GuessClient, GuessServer } from "effect-inet/guess"
 * import { NodeServices, TcpClient } from "effect-inet/network"
 *
 * const program = Effect.gen(function* () {
 *   const { address } = yield* GuessServer.make({ port: 0, max: 100 })
 *   if (!NetAddress.isInetAddress(address)) return
 *   const connection = yield* TcpClient.connect({ host: "127.0.0.1", service: address.port })
 *   const client = yield* GuessClient.make(connection)
 *   let range = { min: 1, max: 100 }
 *   while (range.min < range.max) {
 *     const guess = Math.floor((range.min + range.max) / 2)
 *     range = GuessClient.narrow(range, guess, yield* client.guess(`${guess}`))
 *   }
 *   range.min === range.max // => true
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
 * ```
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Line from "../network/Line.ts"
import type * as Network from "../network/Network.ts"
import type { NetworkError } from "../network/Network.ts"
import type { Range, Verdict } from "./Guess.ts"

/** The server closed the connection, or its reply is not one of number guessing. @category errors @since 0.1.0 */
export class GuessClientError extends Data.TaggedError("GuessClientError")<{
  readonly reason: "ConnectionEnded" | "UnexpectedReply"
}> {
  override get message(): string {
    return this.reason === "ConnectionEnded"
      ? "the server closed the connection before it replied"
      : "unexpected reply: not a number guessing server (expected too big, too small or correct!)"
  }
}

/** Connection to a number guessing server. @category models @since 0.1.0 */
export interface GuessClient {
  /** Sends a guess and waits for the reply. Only one guess at a time: the server treats one read as one guess. */
  readonly guess: (guess: string) => Effect.Effect<Verdict, GuessClientError | Line.LineError | NetworkError>
}

/**
 * Returns the range that is left after a reply. It is empty, with `min` above `max`, if the replies contradict each
 * other.
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

/**
 * Makes a client on a connection. It ends when the scope closes. Replies end in LF, CR LF, or LF CR as those of the
 * second edition of the course's server.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (connection: Network.Connection) {
  // After LF CR, the next line begins with the CR: no deadline, since that line ends after the next guess.
  const lines = yield* Line.make(connection, { maxLength: 80, deadline: Duration.infinity })
  const ended = Effect.fail(new GuessClientError({ reason: "ConnectionEnded" }))
  const client: GuessClient = {
    guess: Effect.fnUntraced(function* (guess) {
      yield* connection.write(`${guess}\n`)
      const line = (yield* Pull.catchDone(lines.next, () => ended)).replace(/^\r/, "")
      return isVerdict(line) ? line : yield* new GuessClientError({ reason: "UnexpectedReply" })
    })
  }
  return client
})
