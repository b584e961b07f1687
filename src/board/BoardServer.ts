/** The shared board on TCP, under any model of concurrency: there is one board, in the process that serves. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as ConcurrencyModel from "../session/ConcurrencyModel.ts"
import * as Fibers from "../session/Fibers.ts"
import { SessionError } from "../session/Session.ts"
import * as Board from "./Board.ts"
import * as BoardSession from "./BoardSession.ts"

/** Ours: the course gives none. @category models @since 0.1.0 */
export const defaultPort = 1069

/**
 * Where to listen (port 1069 unless said), what to allow, the board, the model. `idleTimeout` is 10 minutes by default:
 * who watches is silent for a while.
 *
 * @category models
 * @since 0.1.0
 */
export type Options = ConcurrencyModel.Options &
  Board.Options & {
    /** How clients are served. Default: each in a fiber of its own. */
    readonly model?: ConcurrencyModel.LoadableModel | undefined
  }

/** A running server of a board. @category services @since 0.1.0 */
export class BoardServer extends Context.Service<BoardServer, ConcurrencyModel.SessionServer>()(
  "effect-inet/board/BoardServer"
) {}

const decode = (options: Board.Options) =>
  Effect.mapError(
    Schema.decodeUnknownEffect(BoardSession.Options)(options),
    ({ message }) => new SessionError({ message: `a board of size ${options.size}: ${message.replace(/\s+/g, " ")}` })
  )

/**
 * Listens and serves until the scope closes; a size that is none is a `SessionError`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* ({
  idleTimeout = "10 minutes",
  model = Fibers.model,
  size,
  ...options
}: Options) {
  const { definition, module } = BoardSession
  const checked = yield* decode({ size })
  const session = yield* definition.make(checked)
  const shared = yield* Board.make(checked)
  return yield* model.serve(
    { session, shared, definition, module, options: checked },
    { service: "board", ...options, idleTimeout }
  )
})

/** @category layers @since 0.1.0 */
export const layer = (options: Options) => Layer.effect(BoardServer, make(options))
