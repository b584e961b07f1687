/**
 * Concurrency model "iterative": one client after the other, in the order of their connections.
 *
 * The others are accepted and wait unread.
 *
 * **Example** (Serving)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { Network, NodeNetwork } from "effect-inet/network"
 * import { Iterative, type Session } from "effect-inet/session"
 *
 * const session: Session.Session<number> = {
 *   framing: { _tag: "Lines" },
 *   open: ({ id }) => [id, { text: `client ${id}\n`, close: true }],
 *   receive: (id) => [id, {}]
 * }
 *
 * const program = Effect.gen(function* () {
 *   const server = yield* Iterative.model.serve({ session }, { port: 0 })
 *   const connection = yield* (yield* Network.Network).connect(server.address)
 *   new TextDecoder().decode(yield* connection.pull) // => "client 1\n"
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NodeNetwork.layer)))
 * ```
 */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import * as TcpServer from "../network/TcpServer.ts"
import type { ConcurrencyModel } from "./ConcurrencyModel.ts"
import * as Fibers from "./Fibers.ts"

/**
 * Concurrency model that serves one client at a time.
 *
 * `maxConnections` includes the clients that wait. A waiting client counts as idle and is disconnected after
 * `idleTimeout`. The server detects that a waiting client has left when its turn comes, at the latest.
 *
 * @category models
 * @since 0.1.0
 */
export const model: ConcurrencyModel = {
  name: "iterative",
  serve: Effect.fnUntraced(function* (program, options) {
    const turn = yield* Semaphore.make(1)
    const serve = Fibers.handler(program, options, turn.withPermits(1))
    return yield* TcpServer.make({ service: "session", ...options }, serve)
  })
}
