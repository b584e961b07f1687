/**
 * The server of one process and one select(): a single fiber takes every event from a single queue, and keeps the state
 * of every client in one map.
 *
 * The connections' readers only bring events, and wait until theirs was handled, so that the queue holds at most one
 * for each client. What is to be sent is handed back to the reader that brought the event: a slow client stops nobody
 * else.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as TcpServer from "../network/TcpServer.ts"
import type { ConcurrencyModel, Options, Program } from "./ConcurrencyModel.ts"
import * as ConnectionHandler from "./ConnectionHandler.ts"
import type { Client, Input, Output, Session } from "./Session.ts"
import type { StateHolder } from "./StateHolder.ts"

/** Gives the reader that brought the event what the session wants. @category models @since 0.1.0 */
export type Respond<Ask> = (result: Effect.Effect<Output<Ask>>) => void

/** What a reader brings; the number is the client's. @category models @since 0.1.0 */
export type Event<Ask, Message> =
  | { readonly _tag: "Connected"; readonly client: Client; readonly respond: Respond<Ask> }
  | { readonly _tag: "Input"; readonly id: number; readonly input: Input<Message>; readonly respond: Respond<Ask> }
  | { readonly _tag: "Disconnected"; readonly id: number }

/**
 * Handles one event: all that the single fiber does. A session that throws is its own client's affair.
 *
 * @category running
 * @since 0.1.0
 */
export const handle = <S, Ask, Message>(
  states: Map<number, S>,
  session: Session<S, Ask, Message>,
  event: Event<Ask, Message>
): void => {
  if (event._tag === "Disconnected") return void states.delete(event.id)
  const id = event._tag === "Connected" ? event.client.id : event.id
  try {
    const [state, output] =
      event._tag === "Connected" ? session.open(event.client) : session.receive(states.get(id) as S, event.input)
    states.set(id, state)
    event.respond(Effect.succeed(output))
  } catch (defect) {
    event.respond(Exit.die(defect))
  }
}

/** Serves all clients with one fiber. @category models @since 0.1.0 */
export const model: ConcurrencyModel = {
  name: "select",
  serve: Effect.fnUntraced(function* <S, Ask, Message>(program: Program<S, Ask, Message>, options: Options) {
    const { session } = program
    const states = new Map<number, S>()
    const events = yield* Queue.unbounded<Event<Ask, Message>>()
    yield* Effect.forkScoped(Effect.forever(Effect.map(Queue.take(events), (event) => handle(states, session, event))))
    const enqueue = (event: (respond: Respond<Ask>) => Event<Ask, Message>) =>
      Effect.callback<Output<Ask>>((resume) => void Queue.offerUnsafe(events, event(resume)))
    const makeStateHolder = (client: Client): StateHolder<Ask, Message> => ({
      open: (next) =>
        Effect.flatMap(
          enqueue((respond) => ({ _tag: "Connected", client, respond })),
          next
        ),
      receive: (input, next) =>
        Effect.flatMap(
          enqueue((respond) => ({ _tag: "Input", id: client.id, input, respond })),
          next
        )
    })
    const handler = ConnectionHandler.handler(program, options, { makeStateHolder })
    return yield* TcpServer.make({ service: "session", ...options }, (connection, client) =>
      Effect.ensuring(
        handler(connection, client),
        Effect.sync(() => void Queue.offerUnsafe(events, { _tag: "Disconnected", id: client.id }))
      )
    )
  })
}
