/** Validation of the options of a hangman server, and the session for its dialect. */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as ServerConfig from "../network/ServerConfig.ts"
import { SessionError } from "../session/Session.ts"
import * as ClassicSession from "./ClassicSession.ts"
import * as FriendlySession from "./FriendlySession.ts"
import * as Game from "./Game.ts"
import type * as SessionState from "./SessionState.ts"
import * as Words from "./Words.ts"

/**
 * Protocol between server and client. `friendly` has names, explanations and a scoreboard; `course` and `book` are the
 * protocols of the course's server and of the server in its textbook.
 *
 * @category models
 * @since 0.1.0
 */
export const Dialect = Schema.Literals(["friendly", "course", "book"])
/** @category models @since 0.1.0 */
export type Dialect = typeof Dialect.Type

/** Difficulty of the words. @category models @since 0.1.0 */
export const Difficulty = Schema.Literals(["easy", "medium", "hard"])

/** Default ports of the dialects. IANA has assigned no port to hangman. @category constants @since 0.1.0 */
export const defaultPort: Readonly<Record<Dialect, number>> = { friendly: 1066, course: 1068, book: 1066 }

/** Default lives: one for each part of the gallows, or the number of the original servers. */
const defaultLives: Readonly<Record<Dialect, number>> = { friendly: 10, course: 12, book: 12 }

/** Rules of a server. @category models @since 0.1.0 */
export interface Options {
  /** Default `friendly`. */
  readonly dialect?: Dialect | undefined
  /** Word list. Default: the built-in list. */
  readonly words?: Words.Words | undefined
  /** Lives of a game, 1 to 26. Default 10; 12 in the dialects `course` and `book`. */
  readonly lives?: number | undefined
  /** Difficulty of the words that are drawn. Default: any. */
  readonly difficulty?: Words.Difficulty | undefined
  /** Host name in the greeting of the dialect `book`. Default `localhost`. */
  readonly hostName?: string | undefined
}

/** Returns true for the dialects whose players have names, so that scores are kept. @category getters @since 0.1.0 */
export const keepsScore = (dialect: Dialect): boolean => dialect === "friendly"

const fail = (message: string) => Effect.fail(new SessionError({ message }))

/** Returns the session; fails if the lives or the word list are invalid. @category constructors @since 0.1.0 */
export const session = (options: Options = {}): Effect.Effect<SessionState.HangmanSession, SessionError> => {
  const { dialect = "friendly", difficulty, hostName = "localhost" } = options
  const { lives = defaultLives[dialect], words = Words.builtIn() } = options
  if (!Number.isInteger(lives) || lives < 1 || lives > Game.maxLives) {
    return fail(`invalid number of lives ${lives}: must be a whole number from 1 to ${Game.maxLives}`)
  }
  if (words.size === 0) return fail("invalid word list: it has 0 words, at least 1 is needed")
  if (difficulty !== undefined && words.sizes[difficulty] === 0) {
    return fail(`invalid word list: 0 of its ${words.size} words are ${difficulty}; choose another difficulty or list`)
  }
  const rules: SessionState.Rules = { words, lives, difficulty, hostName }
  return Effect.succeed(
    dialect === "friendly"
      ? FriendlySession.session(rules)
      : ClassicSession.session(rules, ClassicSession.formats[dialect])
  )
}

/** Creates the config of dialect, lives and difficulty, such as HANGMAN_LIVES. @category constructors @since 0.1.0 */
export const config = ({ dialect, difficulty, lives }: Pick<Options, "dialect" | "difficulty" | "lives"> = {}) => {
  const literals = <A extends ReadonlyArray<string>>(option: string, choices: A) =>
    Config.Literals(choices, ServerConfig.variable("hangman", option))
  return Config.all({
    dialect: Config.withDefault(literals("dialect", Dialect.literals), dialect),
    difficulty: Config.withDefault(literals("difficulty", Difficulty.literals), difficulty),
    lives: Config.withDefault(ServerConfig.integer("hangman", "lives", 1, Game.maxLives), lives)
  })
}
