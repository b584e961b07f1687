/** A fiber for every client, its state in a `Ref` of its own: the model to take unless there is a reason not to. */
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import type * as Network from "../network/Network.ts"
import * as TcpServer from "../network/TcpServer.ts"
import type { ConcurrencyModel, Options, Program } from "./ConcurrencyModel.ts"
import * as ConnectionHandler from "./ConnectionHandler.ts"
import type { Client, Session } from "./Session.ts"
import type { StateHolder } from "./StateHolder.ts"

/** The state of one client in a `Ref`. @category constructors @since 0.1.0 */
export const stateHolder = <S, Ask, Message>(
  session: Session<S, Ask, Message>,
  client: Client
): StateHolder<Ask, Message> => {
  // Changed without an effect: nobody else steps this client meanwhile, and every line comes this way.
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
 * The handler of a server that serves every client in its own fiber. `number` gives `Client.id` from the connection and
 * its count in this server, which begins at 1; `turn` goes around all that the session does.
 *
 * @category running
 * @since 0.1.0
 */
export const handler = <S, Ask, Message>(
  program: Program<S, Ask, Message>,
  options: Pick<Options, "rate" | "seed">,
  clientId?: ConnectionHandler.HandlerOptions<Ask, Message>["clientId"],
  wrap?: ConnectionHandler.HandlerOptions<Ask, Message>["wrap"]
) => ConnectionHandler.handler(program, options, { makeStateHolder: (client) => stateHolder(program.session, client), clientId: clientId, wrap: wrap })

/**
 * The same server for one of several processes or threads, where a client's number is not its count.
 *
 * @category constructors
 * @since 0.1.0
 */
export const serveWithClientIds = <S, Ask, Message>(
  program: Program<S, Ask, Message>,
  options: Options,
  clientId: (connection: Network.Connection, count: number) => number
) => TcpServer.make({ service: "session", ...options }, handler(program, options, clientId))

/** Serves every client in a fiber. @category models @since 0.1.0 */
export const model: ConcurrencyModel = {
  name: "fibers",
  serve: (program, options) => serveWithClientIds(program, options, (_, count) => count)
}
