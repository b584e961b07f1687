/**
 * Number guessing server on TCP, under any concurrency model.
 *
 * **Example** (A server that serves all clients in one loop)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as NetAddress from "effect/net/NetAddress"
 * import { GuessClient, GuessServer } from "effect-inet/guess"
 * import { NodeServices, TcpClient } from "effect-inet/network"
 * import { Select } from "effect-inet/session"
 *
 * const program = Effect.gen(function* () {
 *   const server = yield* GuessServer.make({ port: 0, min: 7, max: 7, model: Select.model })
 *   if (!NetAddress.isInetAddress(server.address)) return
 *   const connection = yield* TcpClient.connect({ host: "127.0.0.1", service: server.address.port })
 *   const client = yield* GuessClient.make(connection)
 *   yield* client.guess("6") // => "too small"
 *   yield* client.guess("7") // => "correct!"
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
import * as Guess from "./Guess.ts"

/** Default port, that of the course's server. IANA has assigned it no port. @category constants @since 0.1.0 */
export const defaultPort = 1500

/** Listening address, limits, range and concurrency model of a server. @category models @since 0.1.0 */
export type Options = ConcurrencyModel.Options & {
  /** Smallest number to guess, from 1. Default 1. */
  readonly min?: number | undefined
  /** Largest number to guess, up to 2^31 - 1. Default 1,000. */
  readonly max?: number | undefined
  /** Concurrency model. Default: a fiber per client. */
  readonly model?: ConcurrencyModel.WorkerModel | undefined
}

/** Running number guessing server. @category services @since 0.1.0 */
export class GuessServer extends Context.Service<GuessServer, ConcurrencyModel.SessionServer>()(
  "effect-inet/guess/GuessServer"
) {}

const decode = (options: Pick<Options, "min" | "max">) =>
  Effect.mapError(Schema.decodeUnknownEffect(Guess.Range)(options), ({ message }) => {
    const { max = "default", min = "default" } = options
    return new SessionError({ message: `invalid range ${min} to ${max}: ${message.replace(/\s+/g, " ")}` })
  })

/**
 * Starts the server. It serves until the scope closes. Fails with a `SessionError` if the range is invalid.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options) {
  const { max, min, model = Fibers.model, ...limits } = options
  const range = yield* decode({ min, max })
  const session = yield* Guess.definition.make(range)
  const { definition, module } = Guess
  return yield* model.serve({ session, definition, module, options: range }, { service: "guess", ...limits })
})

/** @category layers @since 0.1.0 */
export const layer = (options: Options) => Layer.effect(GuessServer, make(options))

/**
 * Layer of a server with the options of the environment, such as GUESS_PORT and GUESS_MAX, else those of `defaults`.
 * The port is 1500 by default.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (defaults: ServerConfig.Defaults<Options> = {}) => {
  const bound = (option: string) => ServerConfig.integer("guess", option, 1, Guess.maxNumber)
  return Layer.unwrap(
    Config.map(
      Config.all({
        session: ConcurrencyModel.config("guess", { port: defaultPort, ...defaults }),
        min: Config.withDefault(bound("min"), defaults.min),
        max: Config.withDefault(bound("max"), defaults.max)
      }),
      ({ session, ...range }) => layer({ ...session, ...range })
    )
  )
}
