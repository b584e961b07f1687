/**
 * Client for a hangman server of the friendly dialect: reads its views, sends lines.
 *
 * **Example** (Winning a game with one word)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as NetAddress from "effect/net/NetAddress"
 * import { HangmanClient, HangmanServer, Words } from "effect-inet/hangman"
 * import { NodeServices, TcpClient } from "effect-inet/network"
 *
 * const program = Effect.gen(function* () {
 *   const words = Words.parse(new TextEncoder().encode("banana"))
 *   const { address } = yield* HangmanServer.make({ port: 0, words })
 *   if (!NetAddress.isInetAddress(address)) return
 *   const connection = yield* TcpClient.connect({ host: "127.0.0.1", service: address.port })
 *   const { next, send } = HangmanClient.make(connection)
 *   yield* next
 *   yield* send("ann")
 *   const { board } = yield* next
 *   board?.word // => "------"
 *   yield* send("banana")
 *   const { message } = yield* next
 *   message // => ["You have found it: banana.", "ann, your rank is 1 of 1."]
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
 * ```
 */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import type * as Network from "../network/Network.ts"
import * as FriendlyView from "./FriendlyView.ts"
import type * as ScoreTable from "./ScoreTable.ts"

const explanations = {
  ConnectionEnded: "the server closed the connection before it replied",
  IncompleteReply: "the server closed the connection within a reply",
  CourseDialect: "unsupported dialect of hangman: the server uses the course dialect; play with nc",
  BookDialect: "unsupported dialect of hangman: the server uses the book dialect; play with nc",
  UnexpectedReply: "unexpected reply: not a hangman server"
}

/** The server accepted the connection, but does not use the friendly dialect. @category errors @since 0.1.0 */
export class HangmanClientError extends Data.TaggedError("HangmanClientError")<{
  readonly reason: keyof typeof explanations
}> {
  override get message(): string {
    return explanations[this.reason]
  }
}

/** Connection to a hangman server. @category models @since 0.1.0 */
export interface HangmanClient {
  /** Reads the next view; `Done` after the server has closed the connection. Only one fiber may read. */
  readonly next: Pull.Pull<FriendlyView.View, HangmanClientError | Network.NetworkError>
  /** Sends a line. */
  readonly send: (line: string) => Effect.Effect<void, Network.NetworkError>
}

/** Limit for text that is not a complete view. Views are much shorter. */
const maxPendingChars = 16_384

/** First lines of servers with another dialect. */
const otherDialects = [
  ["CourseDialect", /^ [-a-z]+ {3}\d+\r?\n/],
  ["BookDialect", /^Playing hangman on host/]
] as const

const errorFor = (text: string, seen: boolean): HangmanClientError | undefined => {
  const found = seen ? undefined : otherDialects.find(([, begins]) => begins.test(text))
  if (found !== undefined) return new HangmanClientError({ reason: found[0] })
  return text.length > maxPendingChars ? new HangmanClientError({ reason: "UnexpectedReply" }) : undefined
}

/**
 * Returns a client on a connection. `next` fails with `CourseDialect` or `BookDialect` if the server's first line is of
 * that dialect, with `UnexpectedReply` after 16,384 characters without a view, or if the stream ends within the first
 * view, and with `IncompleteReply` if it ends within a later one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (connection: Network.Connection): HangmanClient => {
  const utf8 = new TextDecoder()
  let text = ""
  let seen = false
  const step = (): HangmanClient["next"] => {
    const taken = FriendlyView.parseFirst(text)
    if (taken !== undefined) {
      text = taken[1]
      seen = true
      return Effect.succeed(taken[0])
    }
    const error = errorFor(text, seen)
    return error === undefined ? more : Effect.fail(error)
  }
  const ended = (): Effect.Effect<never, HangmanClientError | Cause.Done> =>
    text === ""
      ? Cause.done()
      : Effect.fail(new HangmanClientError({ reason: seen ? "IncompleteReply" : "UnexpectedReply" }))
  const more: HangmanClient["next"] = Effect.flatMap(Pull.catchDone(connection.pull, ended), (bytes) => {
    text += utf8.decode(bytes, { stream: true })
    return step()
  })
  return { next: Effect.suspend(step), send: (line) => connection.write(`${line}\n`) }
}

/** Best players of a server, and the totals of all players. @category models @since 0.1.0 */
export interface Scores extends ScoreTable.Totals {
  readonly players: number
  readonly best: ReadonlyArray<ScoreTable.Row>
}

const totalsPattern = /^Games (\d{1,15}), won (\d{1,15}), players (\d{1,15})\.$/
const rowPattern = /^ *\d+ +(\d{1,15}) +(\d{1,15}) +(\d{1,15}) {2}(.*)$/

/** Parses the scoreboard in the message of a view; undefined for other messages. @category decoding @since 0.1.0 */
export const parseTop = ([first = "", , ...rows]: ReadonlyArray<string>): Scores | undefined => {
  const sums = totalsPattern.exec(first)?.slice(1).map(Number)
  const places = rows.map((row) => rowPattern.exec(row))
  if (sums === undefined || places.includes(null)) return undefined
  const [games, wins, players] = sums as [number, number, number]
  const best = places.map((found) => {
    const [, wins, games, wrong, name] = found!
    return { name: name!, games: Number(games), wins: Number(wins), wrong: Number(wrong) }
  })
  return { games, wins, players, best }
}

/**
 * Requests the scoreboard, then sends `quit`. The connection must be new.
 *
 * @category combinators
 * @since 0.1.0
 */
export const top = Effect.fnUntraced(function* (client: HangmanClient) {
  const { next, send } = client
  const ended = Effect.fail(new HangmanClientError({ reason: "ConnectionEnded" }))
  const view = Pull.catchDone(next, () => ended)
  yield* view
  yield* send("top")
  const answer = parseTop((yield* view).message)
  if (answer === undefined) return yield* new HangmanClientError({ reason: "UnexpectedReply" })
  yield* Effect.ignore(send("quit"))
  return answer
})
