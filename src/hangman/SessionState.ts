/** Rules and session state that all dialects of hangman share. */
import type { ClientInfo, Session } from "../session/Session.ts"
import * as Game from "./Game.ts"
import type * as Scoreboard from "./Scoreboard.ts"
import * as Words from "./Words.ts"

/** Validated rules of a server. @category models @since 0.1.0 */
export interface Rules {
  readonly words: Words.Words
  readonly lives: number
  /** Difficulty of the words that are drawn. Default: any. */
  readonly difficulty?: Words.Difficulty | undefined
  /** Host name in the greeting of the dialect `book`. */
  readonly hostName: string
}

/** State of one player's session, in any dialect. @category models @since 0.1.0 */
export interface State {
  readonly client: ClientInfo
  /** Name on the scoreboard; empty for a guest. */
  readonly name: string
  /** Number of the game in this session, from 1. */
  readonly number: number
  readonly game: Game.Game
  /** Next input: a name, a guess, the scoreboard's answer (`count`), yes or no (`again`), or none. */
  readonly awaits: "name" | "guess" | "count" | "again" | "nothing"
}

/** Session of any dialect. @category models @since 0.1.0 */
export type HangmanSession = Session<State, Scoreboard.Ask, Scoreboard.Answer>

/** Starts game `number` of a client. Its word follows from the client's seed. @category constructors @since 0.1.0 */
export const startGame = ({ difficulty, lives, words }: Rules, client: ClientInfo, number: number): Game.Game =>
  Game.make(words.choose(Words.gameRandom(client.seed, number), difficulty) ?? "", lives)
