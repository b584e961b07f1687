/**
 * Board server on TCP, under any concurrency model. There is one board, in the process that listens.
 *
 * **Example** (Two clients claim the same square)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as NetAddress from "effect/net/NetAddress"
 * import { BoardServer } from "effect-inet/board"
 * import { Line, NodeServices, TcpClient } from "effect-inet/network"
 *
 * const program = Effect.gen(function* () {
 *   const server = yield* BoardServer.make({ port: 0, size: 3 })
 *   const { address } = server
 *   if (!NetAddress.isInetAddress(address)) return
 *   const claim = Effect.gen(function* () {
 *     const connection = yield* TcpClient.connect({ host: "127.0.0.1", service: address.port })
 *     const lines = yield* Line.make(connection)
 *     yield* connection.write("claim 1 2\n")
 *     return yield* lines.next
 *   })
 *   yield* claim // => "claimed 1 2 by 1 change 1"
 *   yield* claim // => "occupied 1 2 by 1"
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
 * ```
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as ServerConfig from "../network/ServerConfig.ts"
import * as ConcurrencyModel from "../session/ConcurrencyModel.ts"
import * as Fibers from "../session/Fibers.ts"
import { SessionError } from "../session/Session.ts"
import * as Board from "./Board.ts"
import * as BoardSession from "./BoardSession.ts"
import * as Grid from "./Grid.ts"

/** Default port. Neither IANA nor the course has assigned one. @category constants @since 0.1.0 */
export const defaultPort = 1069

/**
 * Listening address, limits, size and concurrency model of a server. `idleTimeout` is 10 minutes by default, because
 * watchers send nothing for long periods.
 *
 * @category models
 * @since 0.1.0
 */
export type Options = ConcurrencyModel.Options &
  Board.Options & {
    /** Concurrency model. Default: a fiber per client. */
    readonly model?: ConcurrencyModel.WorkerModel | undefined
  }

/** Running board server. @category services @since 0.1.0 */
export class BoardServer extends Context.Service<BoardServer, ConcurrencyModel.SessionServer>()(
  "effect-inet/board/BoardServer"
) {}

const defaultIdleTimeout = "10 minutes"

const decode = (options: Board.Options) =>
  Effect.mapError(
    Schema.decodeUnknownEffect(BoardSession.Options)(options),
    ({ message }) =>
      new SessionError({ message: `invalid board size ${options.size}: ${message.replace(/\s+/g, " ")}` })
  )

/**
 * Starts the server. It serves until the scope closes. Fails with a `SessionError` if the size is invalid.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options) {
  const { idleTimeout = defaultIdleTimeout, model = Fibers.model, size, ...limits } = options
  const { definition, module } = BoardSession
  const checked = yield* decode({ size })
  const session = yield* definition.make(checked)
  const shared = yield* Board.make(checked)
  const server = yield* model.serve(
    { session, shared, definition, module, options: checked },
    { service: "board", ...limits, idleTimeout }
  )
  const running: ConcurrencyModel.SessionServer = {
    ...server,
    reconfigure: (limits) => server.reconfigure({ ...limits, idleTimeout: limits.idleTimeout ?? defaultIdleTimeout })
  }
  return running
})

/** @category layers @since 0.1.0 */
export const layer = (options: Options) => Layer.effect(BoardServer, make(options))

/**
 * Layer of a server with the options of the environment, such as BOARD_PORT and BOARD_SIZE, else those of `defaults`.
 * The port is 1069 by default.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (defaults: ServerConfig.Defaults<Options> = {}) =>
  Layer.unwrap(
    Config.map(
      Config.all({
        session: ConcurrencyModel.config("board", { port: defaultPort, ...defaults }),
        size: Config.withDefault(ServerConfig.integer("board", "size", 1, Grid.maxSize), defaults.size)
      }),
      ({ session, size }) => layer({ ...session, size })
    )
  )
