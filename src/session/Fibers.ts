/** A fiber for every client, its state in a `Ref` of its own: the model to take unless there is a reason not to. */
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import type * as Network from "../network/Network.ts"
import * as TcpServer from "../network/TcpServer.ts"
import type { Model, Options, Program } from "./ConcurrencyModel.ts"
import * as ConnectionHandler from "./ConnectionHandler.ts"
import type { Client, Session } from "./Session.ts"

/** The state of one client in a `Ref`. @category constructors @since 0.1.0 */
export const keeper = <S, Ask, Told>(
  session: Session<S, Ask, Told>,
  client: Client
): ConnectionHandler.Keeper<Ask, Told> => {
  // Changed without an effect: nobody else steps this client meanwhile, and every line comes this way.
  const { ref } = Ref.makeUnsafe<S | undefined>(undefined)
  return {
    open: (then) =>
      Effect.suspend(() => {
        const [first, out] = session.open(client)
        ref.current = first
        return then(out)
      }),
    receive: (input, then) => {
      const [after, out] = session.receive(ref.current as S, input)
      ref.current = after
      return then(out)
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
export const handler = <S, Ask, Told>(
  program: Program<S, Ask, Told>,
  options: Pick<Options, "rate" | "seed">,
  number?: ConnectionHandler.Manner<Ask, Told>["number"],
  turn?: ConnectionHandler.Manner<Ask, Told>["turn"]
) => ConnectionHandler.handler(program, options, { keeper: (client) => keeper(program.session, client), number, turn })

/**
 * The same server for one of several processes or threads, where a client's number is not its count.
 *
 * @category constructors
 * @since 0.1.0
 */
export const serveNumbered = <S, Ask, Told>(
  program: Program<S, Ask, Told>,
  options: Options,
  number: (connection: Network.Connection, count: number) => number
) => TcpServer.make({ service: "session", ...options }, handler(program, options, number))

/** Serves every client in a fiber. @category models @since 0.1.0 */
export const model: Model = {
  name: "fibers",
  serve: (program, options) => serveNumbered(program, options, (_, count) => count)
}
