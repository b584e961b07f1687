/**
 * Hangman server on TCP, in this process. `NodeHangman` adds files for words and scores, and the models with child
 * processes and threads.
 *
 * **Example** (A server whose players share a scoreboard in memory)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as NetAddress from "effect/net/NetAddress"
 * import { HangmanClient, HangmanServer, Scoreboard } from "effect-inet/hangman"
 * import { NodeServices, TcpClient } from "effect-inet/network"
 *
 * const program = Effect.gen(function* () {
 *   const { shared } = yield* Scoreboard.make()
 *   const server = yield* HangmanServer.make({ port: 0, difficulty: "easy", lives: 8, scoreboard: shared })
 *   if (!NetAddress.isInetAddress(server.address)) return
 *   const connection = yield* TcpClient.connect({ host: "127.0.0.1", service: server.address.port })
 *   const scores = yield* HangmanClient.top(HangmanClient.make(connection))
 *   scores // => { games: 0, wins: 0, players: 0, best: [] }
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
 * ```
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as ServerConfig from "../network/ServerConfig.ts"
import * as ConcurrencyModel from "../session/ConcurrencyModel.ts"
import * as Fibers from "../session/Fibers.ts"
import { SessionError, type Shared } from "../session/Session.ts"
import * as HangmanSession from "./HangmanSession.ts"
import * as Scoreboard from "./Scoreboard.ts"

/** Listening address, limits and rules of a server. @category models @since 0.1.0 */
export type Options = ConcurrencyModel.Options &
  HangmanSession.Options & {
    /** Concurrency model. Default: a fiber per player. */
    readonly model?: ConcurrencyModel.ConcurrencyModel | undefined
    /** Scoreboard that all players share. Default: a new one in memory. */
    readonly scoreboard?: Shared<Scoreboard.Ask, Scoreboard.Answer> | undefined
  }

/** Running hangman server. @category services @since 0.1.0 */
export class HangmanServer extends Context.Service<HangmanServer, ConcurrencyModel.SessionServer>()(
  "effect-inet/hangman/HangmanServer"
) {}

const defaultIdleTimeout = "5 minutes"

/** Adds the service name `hangman` and an idle timeout of 5 minutes, if not set. @category getters @since 0.1.0 */
export const withDefaults = <O extends ConcurrencyModel.Options>(options: O): O => ({
  ...options,
  service: options.service ?? "hangman",
  idleTimeout: options.idleTimeout ?? defaultIdleTimeout
})

/** Keeps the default of the idle timeout when limits change. @category combinators @since 0.1.0 */
export const keepDefaults = (server: ConcurrencyModel.SessionServer): ConcurrencyModel.SessionServer => ({
  ...server,
  reconfigure: (limits) => server.reconfigure({ ...limits, idleTimeout: limits.idleTimeout ?? defaultIdleTimeout })
})

/** Fails if a scoreboard is given for a dialect that keeps no scores. @category constructors @since 0.1.0 */
export const checkScores = (dialect: HangmanSession.Dialect = "friendly", hasScoreboard: boolean) =>
  hasScoreboard && !HangmanSession.keepsScore(dialect)
    ? Effect.fail(new SessionError({ message: `the ${dialect} dialect keeps no scores: use the friendly dialect` }))
    : Effect.void

/**
 * Starts the server. It serves until the scope closes. Fails with a `SessionError` if words, lives or scoreboard do not
 * fit the dialect.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options) {
  const { model = Fibers.model, scoreboard } = options
  yield* checkScores(options.dialect, scoreboard !== undefined)
  const session = yield* HangmanSession.session(options)
  const shared = scoreboard ?? (yield* Effect.orDie(Scoreboard.make())).shared
  return keepDefaults(yield* model.serve({ session, shared }, withDefaults(options)))
})

/** @category layers @since 0.1.0 */
export const layer = (options: Options) => Layer.effect(HangmanServer, make(options))

/**
 * Layer of a server with the options of the environment, such as HANGMAN_PORT and HANGMAN_LIVES, else those of
 * `defaults`. The port is 1066 by default.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (defaults: ServerConfig.Defaults<Options> = {}) =>
  Layer.unwrap(
    Config.map(
      Config.all({
        session: ConcurrencyModel.config("hangman", { port: HangmanSession.defaultPort.friendly, ...defaults }),
        rules: HangmanSession.config(defaults)
      }),
      ({ rules, session }) => layer({ ...session, ...rules })
    )
  )
