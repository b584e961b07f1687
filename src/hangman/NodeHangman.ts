/** Hangman server with words and scores in files, under every concurrency model: also child processes and threads. */
import * as Os from "node:os"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Quantity from "../network/Quantity.ts"
import * as ServerConfig from "../network/ServerConfig.ts"
import * as ConcurrencyModel from "../session/ConcurrencyModel.ts"
import * as Fibers from "../session/Fibers.ts"
import { type Definition, SessionError } from "../session/Session.ts"
import * as HangmanServer from "./HangmanServer.ts"
import * as HangmanSession from "./HangmanSession.ts"
import * as NodeJournal from "./NodeJournal.ts"
import * as NodeWords from "./NodeWords.ts"
import * as Scoreboard from "./Scoreboard.ts"
import type { State } from "./SessionState.ts"

/** Rules of a server as JSON, for other processes; see `HangmanSession.Options`. @category models @since 0.1.0 */
export const Settings = Schema.Struct({
  dialect: Schema.optional(HangmanSession.Dialect),
  /** Path of a file with one word per line. Default: the built-in list. */
  words: Schema.optional(Schema.String),
  lives: Schema.optional(Schema.Int),
  difficulty: Schema.optional(HangmanSession.Difficulty),
  hostName: Schema.optional(Schema.String)
})
/** @category models @since 0.1.0 */
export type Settings = typeof Settings.Type

const load = (settings: Settings) =>
  Effect.gen(function* () {
    const words = settings.words === undefined ? undefined : yield* NodeWords.read(settings.words)
    return {
      words,
      session: yield* HangmanSession.session({ ...settings, hostName: settings.hostName ?? Os.hostname(), words })
    }
  }).pipe(Effect.mapError(({ message }) => new SessionError({ message })))

/** Definition with which child processes and threads make the session. @category models @since 0.1.0 */
export const definition: Definition<Settings, State, Scoreboard.Ask, Scoreboard.Answer> = {
  name: "hangman",
  options: Settings,
  ask: Scoreboard.Ask,
  message: Scoreboard.Answer,
  make: (settings) => Effect.map(load(settings), ({ session }) => session)
}

/** Listening address, limits and rules of a server. @category models @since 0.1.0 */
export type Options = ConcurrencyModel.Options & {
  readonly settings?: Settings | undefined
  /** Path of the scoreboard file. Default: in memory, until the server ends. */
  readonly scores?: string | undefined
  /** Concurrency model. Default: a fiber per player. */
  readonly model?: ConcurrencyModel.WorkerModel | undefined
}

/**
 * Starts the server. It serves until the scope closes. Fails if a file cannot be read or written, another server uses
 * the scoreboard file, or the settings are invalid.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options) {
  const { model = Fibers.model, scores, settings = {} } = options
  yield* HangmanServer.checkScores(settings.dialect, scores !== undefined)
  const { session, words } = yield* load(settings)
  if (words !== undefined && words.skipped > 0) {
    yield* Effect.logWarning(
      `${settings.words}: ${Quantity.format(words.size, "word")}, ${Quantity.format(words.skipped, "invalid line")} skipped`
    )
  }
  const journal = scores === undefined ? undefined : yield* NodeJournal.make(scores)
  const { shared } = yield* Scoreboard.make({ journal })
  const program = { session, shared, module: import.meta.url, definition, options: settings }
  return HangmanServer.keepDefaults(yield* model.serve(program, HangmanServer.withDefaults(options)))
})

/** Layer of `make`. @category layers @since 0.1.0 */
export const layer = (options: Options) => Layer.effect(HangmanServer.HangmanServer, make(options))

/**
 * Layer of a server with the options of the environment, such as HANGMAN_PORT and HANGMAN_SCORES, else those of
 * `defaults`. The port is 1066 by default.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (defaults: ServerConfig.Defaults<Options> = {}) => {
  const file = (option: string) => Config.String(ServerConfig.variable("hangman", option))
  return Layer.unwrap(
    Config.map(
      Config.all({
        session: ConcurrencyModel.config("hangman", { port: HangmanSession.defaultPort.friendly, ...defaults }),
        rules: HangmanSession.config(defaults.settings),
        words: Config.withDefault(file("words"), defaults.settings?.words),
        scores: Config.withDefault(file("scores"), defaults.scores)
      }),
      ({ rules, scores, session, words }) =>
        layer({ ...session, scores, settings: { ...defaults.settings, ...rules, words } })
    )
  )
}
