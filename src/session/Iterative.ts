/** One client after the other: the others are accepted, and wait unread in the order in which they came. */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import * as TcpServer from "../network/TcpServer.ts"
import type { ConcurrencyModel } from "./ConcurrencyModel.ts"
import * as Fibers from "./Fibers.ts"

/**
 * Serves one client at a time. At most `maxConnections` are there, those that wait included; waiting counts as silence,
 * so that who has waited for `idleTimeout` is sent away. One that leaves is noticed when its turn comes, at the latest.
 *
 * @category models
 * @since 0.1.0
 */
export const model: ConcurrencyModel = {
  name: "iterative",
  serve: Effect.fnUntraced(function* (program, options) {
    const turn = yield* Semaphore.make(1)
    const serve = Fibers.handler(program, options, undefined, turn.withPermits(1))
    return yield* TcpServer.make({ service: "session", ...options }, serve)
  })
}
