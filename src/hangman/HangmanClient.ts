/** Plays at a server of the friendly dialect: its views as they come, lines to it. */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import type * as Network from "../network/Network.ts"
import * as FriendlyView from "./FriendlyView.ts"
import type * as ScoreTable from "./ScoreTable.ts"

const explanations = {
  Ended: "has ended the connection before its answer was there",
  Course: "speaks the course's dialect of hangman, a line for each guess: play it with nc",
  Book: "speaks the book's dialect of hangman, a line for each guess: play it with nc",
  Foreign: "does not speak hangman"
}

/** The server is there, but it is not one of the friendly dialect. @category errors @since 0.1.0 */
export class HangmanClientError extends Data.TaggedError("HangmanClientError")<{
  readonly reason: keyof typeof explanations
}> {
  override get message(): string {
    return `this server ${explanations[this.reason]}`
  }
}

/** A server to play at. @category models @since 0.1.0 */
export interface HangmanClient {
  /** The next view; `Done` once the server has ended. One fiber at a time. */
  readonly next: Pull.Pull<FriendlyView.View, HangmanClientError | Network.NetworkError>
  /** Sends a line. */
  readonly send: (line: string) => Effect.Effect<void, Network.NetworkError>
}

/** No view is as long as this, in characters. */
const longest = 16_384

/** How the servers of the other dialects begin. */
const others = [
  ["Course", /^ [-a-z]+ {3}\d+\r?\n/],
  ["Book", /^Playing hangman on host/]
] as const

const judge = (text: string, seen: boolean): HangmanClientError | undefined => {
  const found = seen ? undefined : others.find(([, begins]) => begins.test(text))
  if (found !== undefined) return new HangmanClientError({ reason: found[0] })
  return text.length > longest ? new HangmanClientError({ reason: "Foreign" }) : undefined
}

/**
 * Reads views from a connection. Fails at once where another dialect of hangman is spoken, and at the latest after 16
 * KiB where no view can be read, or at the end of the stream in the middle of one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (connection: Network.Connection): HangmanClient => {
  const utf8 = new TextDecoder()
  let text = ""
  let seen = false
  const step = (): HangmanClient["next"] => {
    const taken = FriendlyView.take(text)
    if (taken !== undefined) {
      text = taken[1]
      seen = true
      return Effect.succeed(taken[0])
    }
    const error = judge(text, seen)
    return error === undefined ? more : Effect.fail(error)
  }
  const ended = (): Effect.Effect<never, HangmanClientError | Cause.Done> =>
    text === "" || seen ? Cause.done() : Effect.fail(new HangmanClientError({ reason: "Foreign" }))
  const more: HangmanClient["next"] = Effect.flatMap(Pull.catchDone(connection.pull, ended), (bytes) => {
    text += utf8.decode(bytes, { stream: true })
    return step()
  })
  return { next: Effect.suspend(step), send: (line) => connection.write(`${line}\n`) }
}

/** The best players of a server, and the totals of all. @category models @since 0.1.0 */
export interface Top extends ScoreTable.Totals {
  readonly players: number
  readonly best: ReadonlyArray<ScoreTable.Row>
}

const totals = /^Games (\d{1,15}), won (\d{1,15}), players (\d{1,15})\.$/
const place = /^ *\d+ +(\d{1,15}) +(\d{1,15}) +(\d{1,15}) {2}(.*)$/

/** The scoreboard that a message is; undefined for any other message. @category decoding @since 0.1.0 */
export const readTop = ([first = "", , ...rows]: ReadonlyArray<string>): Top | undefined => {
  const sums = totals.exec(first)?.slice(1).map(Number)
  const places = rows.map((row) => place.exec(row))
  if (sums === undefined || places.includes(null)) return undefined
  const [games, wins, players] = sums as [number, number, number]
  const best = places.map((found) => {
    const [, wins, games, wrong, name] = found!
    return { name: name!, games: Number(games), wins: Number(wins), wrong: Number(wrong) }
  })
  return { games, wins, players, best }
}

/**
 * Asks a server that has just been connected to for its scoreboard, and takes leave.
 *
 * @category combinators
 * @since 0.1.0
 */
export const top = Effect.fnUntraced(function* ({ next, send }: HangmanClient) {
  const ended = Effect.fail(new HangmanClientError({ reason: "Ended" }))
  const view = Pull.catchDone(next, () => ended)
  yield* view
  yield* send("top")
  const answer = readTop((yield* view).message)
  if (answer === undefined) return yield* new HangmanClientError({ reason: "Foreign" })
  yield* Effect.ignore(send("quit"))
  return answer
})
