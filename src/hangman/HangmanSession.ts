/** Hangman as a session, in three dialects: what a server is told, checked, and what follows from it. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { SessionError } from "../session/Session.ts"
import * as ClassicSession from "./ClassicSession.ts"
import * as FriendlySession from "./FriendlySession.ts"
import * as Game from "./Game.ts"
import type * as SessionState from "./SessionState.ts"
import * as Words from "./Words.ts"

/**
 * How server and client talk: ours, or as the servers of the course and of the book it follows.
 *
 * @category models
 * @since 0.1.0
 */
export const Dialect = Schema.Literals(["friendly", "course", "book"])
/** @category models @since 0.1.0 */
export type Dialect = typeof Dialect.Type

/** Which words to draw. @category models @since 0.1.0 */
export const Grade = Schema.Literals(["easy", "medium", "hard"])

/** The ports of the dialects; there is none assigned. @category constants @since 0.1.0 */
export const defaultPort: Readonly<Record<Dialect, number>> = { friendly: 1066, course: 1068, book: 1066 }

/** The lives of the dialects: one for every part of the gallows, or as many as the old servers gave. */
const defaultLives: Readonly<Record<Dialect, number>> = { friendly: 10, course: 12, book: 12 }

/** What is played. @category models @since 0.1.0 */
export interface Options {
  /** Default `friendly`. */
  readonly dialect?: Dialect | undefined
  /** Default: the list that comes with the game. */
  readonly words?: Words.Words | undefined
  /** 1 to 26. Default 10, in the old dialects 12. */
  readonly lives?: number | undefined
  /** Draw only words that are easy, medium or hard. Default: any. */
  readonly difficulty?: Words.Grade | undefined
  /** What the book's banner calls this host. Default `localhost`. */
  readonly hostName?: string | undefined
}

/** Whether games of a dialect are counted: where players are asked for a name. @category getters @since 0.1.0 */
export const keepsScore = (dialect: Dialect): boolean => dialect === "friendly"

const fail = (message: string) => Effect.fail(new SessionError({ message }))

/** A session; fails where lives or words are none that can be played. @category constructors @since 0.1.0 */
export const session = (options: Options = {}): Effect.Effect<SessionState.HangmanSession, SessionError> => {
  const { dialect = "friendly", difficulty: grade, hostName: host = "localhost" } = options
  const { lives = defaultLives[dialect], words = Words.builtIn() } = options
  if (!Number.isInteger(lives) || lives < 1 || lives > Game.mostLives) {
    return fail(`${lives} lives: 1 to ${Game.mostLives} can be played with`)
  }
  if (words.size === 0) return fail("no words: a list has at least one")
  if (grade !== undefined && words.sizes[grade] === 0) {
    return fail(`none of the ${words.size} words is ${grade}: choose another difficulty, or other words`)
  }
  const rules: SessionState.Rules = { words, lives, grade, host }
  return Effect.succeed(
    dialect === "friendly"
      ? FriendlySession.session(rules)
      : ClassicSession.session(rules, ClassicSession.looks[dialect])
  )
}
