/** Number guessing on TCP, under any model of concurrency. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as ConcurrencyModel from "../session/ConcurrencyModel.ts"
import * as Fibers from "../session/Fibers.ts"
import { SessionError } from "../session/Session.ts"
import * as Guess from "./Guess.ts"

/** The port of the course's server; there is none assigned. @category models @since 0.1.0 */
export const defaultPort = 1500

/** Where to listen (port 1500 unless said), what to allow, the numbers, the model. @category models @since 0.1.0 */
export type Options = ConcurrencyModel.Options & {
  /** The least number to guess. Default 1. */
  readonly min?: number | undefined
  /** The greatest number to guess. Default 1,000. */
  readonly max?: number | undefined
  /** How clients are served. Default: each in a fiber of its own. */
  readonly model?: ConcurrencyModel.LoadableModel | undefined
}

/** A running server of number guessing. @category services @since 0.1.0 */
export class GuessServer extends Context.Service<GuessServer, ConcurrencyModel.SessionServer>()(
  "effect-inet/guess/GuessServer"
) {}

const decode = (options: Pick<Options, "min" | "max">) =>
  Effect.mapError(Schema.decodeUnknownEffect(Guess.Range)(options), ({ message }) => {
    const { max = "its default", min = "its default" } = options
    return new SessionError({ message: `numbers from ${min} to ${max}: ${message.replace(/\s+/g, " ")}` })
  })

/**
 * Listens and serves until the scope closes; numbers that are none are a `SessionError`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* ({ max, min, model = Fibers.model, ...options }: Options) {
  const range = yield* decode({ min, max })
  const session = yield* Guess.definition.make(range)
  const { definition, module } = Guess
  return yield* model.serve({ session, definition, module, options: range }, { service: "guess", ...options })
})

/** @category layers @since 0.1.0 */
export const layer = (options: Options) => Layer.effect(GuessServer, make(options))
