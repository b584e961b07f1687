/**
 * Rot13 over TCP: returns all bytes of a client rotated. The smallest complete server.
 *
 * **Example** (A server as a layer)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import { Network, NodeNetwork } from "effect-inet/network"
 * import { Rot13Server } from "effect-inet/rot13"
 *
 * const program = Effect.gen(function* () {
 *   const { address } = yield* Rot13Server.Rot13Server
 *   const connection = yield* (yield* Network.Network).connect(address)
 *   yield* connection.write("Hello")
 *   new TextDecoder().decode(yield* connection.pull) // => "Uryyb"
 * })
 * const live = Rot13Server.layer({ port: 0 }).pipe(Layer.provideMerge(NodeNetwork.layer))
 *
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(live)))
 * ```
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Network from "../network/Network.ts"
import * as ServerConfig from "../network/ServerConfig.ts"
import * as TcpServer from "../network/TcpServer.ts"
import * as Rot13 from "./Rot13.ts"

/** Default port, that of the course's server. IANA has assigned no port to rot13. @category models @since 0.1.0 */
export const defaultPort = 1067

/** Address to listen on, limits, and the letters to rotate. @category models @since 0.1.0 */
export type Options = TcpServer.Options & {
  /** Letters to rotate: `both`, or `lower` as the course's C server does. Default `both`. */
  readonly case?: Rot13.Case | undefined
}

/** Service of a running rot13 server. @category services @since 0.1.0 */
export class Rot13Server extends Context.Service<Rot13Server, TcpServer.TcpServer>()("effect-inet/rot13/Rot13Server") {}

/**
 * Serves one client; fails with `Done` when it has closed. Each round waits for the network, so it need not yield
 * between them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const serve = (connection: Network.Connection, letters: Rot13.Case) =>
  Effect.forever(
    Effect.flatMap(connection.pull, (bytes) => connection.write(Rot13.rotate(bytes, letters))),
    { disableYield: true }
  )

/** Starts a server that runs until the scope closes. @category constructors @since 0.1.0 */
export const make = (options: Options) =>
  TcpServer.make({ service: "rot13", ...options }, (connection) => serve(connection, options.case ?? "both"))

/** Layer of a server that runs as long as the layer is in use. @category layers @since 0.1.0 */
export const layer = (options: Options) => Layer.effect(Rot13Server, make(options))

/**
 * Layer of a server with the options of the environment, such as ROT13_PORT and ROT13_CASE, else those of `defaults`.
 * The port is 1067 by default.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (defaults: ServerConfig.Defaults<Options> = {}) =>
  Layer.unwrap(
    Config.map(
      Config.all({
        tcp: ServerConfig.tcp("rot13", { port: defaultPort, ...defaults }),
        case: Config.withDefault(
          Config.Literals(["both", "lower"], ServerConfig.variable("rot13", "case")),
          defaults.case
        )
      }),
      ({ tcp, ...own }) => layer({ ...tcp, ...own })
    )
  )
