/** Hangman for as many players as the model serves, in this process. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as ConcurrencyModel from "../session/ConcurrencyModel.ts"
import * as Fibers from "../session/Fibers.ts"
import { SessionError, type Shared } from "../session/Session.ts"
import * as HangmanSession from "./HangmanSession.ts"
import * as Scoreboard from "./Scoreboard.ts"

/** Where to listen, what to allow, what is played. @category models @since 0.1.0 */
export type Options = ConcurrencyModel.Options &
  HangmanSession.Options & {
    /** How players are served. Default: each in a fiber. */
    readonly model?: ConcurrencyModel.Model | undefined
    /** Default: a new one, in memory. */
    readonly scoreboard?: Shared<Scoreboard.Ask, Scoreboard.Told> | undefined
  }

/** A running server of hangman. @category services @since 0.1.0 */
export class HangmanServer extends Context.Service<HangmanServer, ConcurrencyModel.SessionServer>()(
  "effect-inet/hangman/HangmanServer"
) {}

/** A player may think for five minutes, unless said, before the connection is ended. @category getters @since 0.1.0 */
export const withLimits = <O extends ConcurrencyModel.Options>(options: O): O => ({
  ...options,
  service: options.service ?? "hangman",
  idleTimeout: options.idleTimeout ?? "5 minutes"
})

/** Fails for a scoreboard that the dialect would not fill. @category constructors @since 0.1.0 */
export const checkScores = (dialect: HangmanSession.Dialect = "friendly", wanted: boolean) =>
  wanted && !HangmanSession.keepsScore(dialect)
    ? Effect.fail(new SessionError({ message: `the ${dialect} dialect knows no names: scores are for friendly` }))
    : Effect.void

/** Listens and serves until the scope closes. @category constructors @since 0.1.0 */
export const make = Effect.fnUntraced(function* (options: Options) {
  const { model = Fibers.model, scoreboard } = options
  yield* checkScores(options.dialect, scoreboard !== undefined)
  const session = yield* HangmanSession.session(options)
  const shared = scoreboard ?? (yield* Effect.orDie(Scoreboard.make())).shared
  return yield* model.serve({ session, shared }, withLimits(options))
})

/** @category layers @since 0.1.0 */
export const layer = (options: Options) => Layer.effect(HangmanServer, make(options))
