/** What the dialects of hangman have in common: their rules, and the state of a player. */
import type { Client, Session } from "../session/Session.ts"
import * as Game from "./Game.ts"
import type * as Scoreboard from "./Scoreboard.ts"
import * as Words from "./Words.ts"

/** What a server of hangman goes by. @category models @since 0.1.0 */
export interface Rules {
  readonly words: Words.Words
  readonly lives: number
  /** Words of this grade only. Default: of all. */
  readonly grade?: Words.Grade | undefined
  /** What the book's banner calls this host. */
  readonly host: string
}

/** A player, in whatever dialect. @category models @since 0.1.0 */
export interface State {
  readonly client: Client
  /** For the scoreboard; empty for a guest. */
  readonly name: string
  /** Of the game, from 1. */
  readonly number: number
  readonly game: Game.Game
  /** What comes next: a name, a guess, the scoreboard's answer, yes or no, nothing. */
  readonly awaits: "name" | "guess" | "count" | "again" | "nothing"
}

/** A session of any dialect. @category models @since 0.1.0 */
export type HangmanSession = Session<State, Scoreboard.Ask, Scoreboard.Told>

/** The client's n-th game: its word follows from the client's seed. @category constructors @since 0.1.0 */
export const begin = ({ grade, lives, words }: Rules, client: Client, number: number): Game.Game =>
  Game.make(words.choose(Words.chance(client.seed, number), grade) ?? "", lives)
