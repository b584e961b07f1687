/** Whatever a client sends comes back rotated: the smallest server that is still a server. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Network from "../network/Network.ts"
import * as TcpServer from "../network/TcpServer.ts"
import * as Rot13 from "./Rot13.ts"

/** The port of the course's server; there is none assigned. @category models @since 0.1.0 */
export const defaultPort = 1067

/** Where to listen (port 1067 unless said), what to allow, which letters to turn. @category models @since 0.1.0 */
export type Options = TcpServer.Options & {
  /** `both`, or `lower` to answer as the course's C server does. Default `both`. */
  readonly case?: Rot13.Case | undefined
}

/** A running rot13 server. @category services @since 0.1.0 */
export class Rot13Server extends Context.Service<Rot13Server, TcpServer.TcpServer>()("effect-inet/rot13/Rot13Server") {}

/**
 * Serves one client; `Done` when it has closed. Every round waits for the network, so that there is no need to yield
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

/** Listens and serves until the scope closes. @category constructors @since 0.1.0 */
export const make = (options: Options) =>
  TcpServer.make({ service: "rot13", ...options }, (connection) => serve(connection, options.case ?? "both"))

/** @category layers @since 0.1.0 */
export const layer = (options: Options) => Layer.effect(Rot13Server, make(options))
