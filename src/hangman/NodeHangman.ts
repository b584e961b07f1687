/** Hangman with its words and scores in files, and under every model: also those of other processes and threads. */
import * as Os from "node:os"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as ConcurrencyModel from "../session/ConcurrencyModel.ts"
import * as Fibers from "../session/Fibers.ts"
import { type Definition, SessionError } from "../session/Session.ts"
import * as HangmanServer from "./HangmanServer.ts"
import * as HangmanSession from "./HangmanSession.ts"
import * as NodeJournal from "./NodeJournal.ts"
import * as NodeWords from "./NodeWords.ts"
import * as Scoreboard from "./Scoreboard.ts"
import type { State } from "./SessionState.ts"

/** What is played, as JSON; see `Hangman.Options`. @category models @since 0.1.0 */
export const Settings = Schema.Struct({
  dialect: Schema.optionalKey(HangmanSession.Dialect),
  /** A file with a word a line. Default: the list that comes with the game. */
  words: Schema.optionalKey(Schema.String),
  lives: Schema.optionalKey(Schema.Int),
  difficulty: Schema.optionalKey(HangmanSession.Grade),
  hostName: Schema.optionalKey(Schema.String)
})
/** @category models @since 0.1.0 */
export type Settings = typeof Settings.Type

const load = (settings: Settings) =>
  Effect.gen(function* () {
    const words = settings.words === undefined ? undefined : yield* NodeWords.read(settings.words)
    return { words, session: yield* HangmanSession.session({ hostName: Os.hostname(), ...settings, words }) }
  }).pipe(Effect.mapError(({ message }) => new SessionError({ message })))

/** How other processes and threads make the session. @category models @since 0.1.0 */
export const definition: Definition<Settings, State, Scoreboard.Ask, Scoreboard.Told> = {
  name: "hangman",
  options: Settings,
  ask: Scoreboard.Ask,
  told: Scoreboard.Told,
  make: (settings) => Effect.map(load(settings), ({ session }) => session)
}

/** Where to listen, what to allow, what is played. @category models @since 0.1.0 */
export type Options = ConcurrencyModel.Options & {
  readonly settings?: Settings | undefined
  /** A file for the scoreboard. Default: in memory, until the server ends. */
  readonly scores?: string | undefined
  /** How players are served. Default: each in a fiber. */
  readonly model?: ConcurrencyModel.LoadableModel | undefined
}

/**
 * Listens and serves until the scope closes. Fails where a file cannot be used, another server keeps its scores there,
 * or the settings cannot be played.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options) {
  const { model = Fibers.model, scores, settings = {} } = options
  yield* HangmanServer.checkScores(settings.dialect, scores !== undefined)
  const { session, words } = yield* load(settings)
  if (words !== undefined && words.skipped > 0) {
    yield* Effect.logWarning(`${settings.words}: ${words.size} words, ${words.skipped} lines skipped that are none`)
  }
  const journal = scores === undefined ? undefined : yield* NodeJournal.make(scores)
  const { shared } = yield* Scoreboard.make({ journal })
  const program = { session, shared, module: import.meta.url, definition, options: settings }
  return yield* model.serve(program, HangmanServer.withLimits(options))
})
