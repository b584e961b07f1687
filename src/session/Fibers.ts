/**
 * Concurrency model "fibers": one fiber for each client, with its state in a `Ref`. The default choice.
 *
 * **Example** (Serving)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { Network, NodeNetwork } from "effect-inet/network"
 * import { Fibers, type Session } from "effect-inet/session"
 *
 * const session: Session.Session<number> = {
 *   framing: { _tag: "Lines" },
 *   open: () => [0, { text: "hello\n" }],
 *   receive: (count, { _tag }) => (_tag === "Line" ? [count + 1, { text: `line ${count + 1}\n` }] : [count, {}])
 * }
 *
 * const program = Effect.gen(function* () {
 *   const server = yield* Fibers.model.serve({ session }, { port: 0 })
 *   const connection = yield* (yield* Network.Network).connect(server.address)
 *   new TextDecoder().decode(yield* connection.pull) // => "hello\n"
 *   yield* connection.write("anything\n")
 *   new TextDecoder().decode(yield* connection.pull) // => "line 1\n"
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NodeNetwork.layer)))
 * ```
 */
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as TcpServer from "../network/TcpServer.ts"
import type { ClientStateHolder } from "./ClientStateHolder.ts"
import type { ConcurrencyModel, Options, Program } from "./ConcurrencyModel.ts"
import * as ConnectionHandler from "./ConnectionHandler.ts"
import type { ClientInfo, Session } from "./Session.ts"

/** Returns a holder that keeps the state of one client in a `Ref`. @category constructors @since 0.1.0 */
export const stateHolder = <S, Ask, Message>(
  session: Session<S, Ask, Message>,
  client: ClientInfo
): ClientStateHolder<Ask, Message> => {
  // Assigned without an effect: no other fiber steps this client meanwhile, and every line takes this path.
  const { ref } = Ref.makeUnsafe<S | undefined>(undefined)
  return {
    open: (next) =>
      Effect.suspend(() => {
        const [state, output] = session.open(client)
        ref.current = state
        return next(output)
      }),
    receive: (input, next) => {
      const [state, output] = session.receive(ref.current as S, input)
      ref.current = state
      return next(output)
    }
  }
}

/**
 * Returns the connection handler of a server that serves each client in its own fiber.
 *
 * `wrap` wraps the whole session of a client.
 *
 * @category running
 * @since 0.1.0
 */
export const handler = <S, Ask, Message>(
  program: Program<S, Ask, Message>,
  options: Pick<Options, "rate" | "seed">,
  wrap?: ConnectionHandler.HandlerOptions<Ask, Message>["wrap"]
) =>
  ConnectionHandler.handler(program, options, {
    makeClientStateHolder: (client) => stateHolder(program.session, client),
    wrap
  })

/** Concurrency model that serves each client in a fiber. @category models @since 0.1.0 */
export const model: ConcurrencyModel = {
  name: "fibers",
  serve: (program, options) => TcpServer.make({ service: "session", ...options }, handler(program, options))
}
