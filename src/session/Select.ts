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
import type { Model, Options, Program } from "./ConcurrencyModel.ts"
import * as ConnectionHandler from "./ConnectionHandler.ts"
import type { Client, Input, Out, Session } from "./Session.ts"

/** Gives the reader that brought the event what the session wants. @category models @since 0.1.0 */
export type Answer<Ask> = (result: Effect.Effect<Out<Ask>>) => void

/** What a reader brings; the number is the client's. @category models @since 0.1.0 */
export type Event<Ask, Told> =
  | { readonly _tag: "Came"; readonly client: Client; readonly answer: Answer<Ask> }
  | { readonly _tag: "Said"; readonly id: number; readonly input: Input<Told>; readonly answer: Answer<Ask> }
  | { readonly _tag: "Gone"; readonly id: number }

/**
 * Handles one event: all that the single fiber does. A session that throws is its own client's affair.
 *
 * @category running
 * @since 0.1.0
 */
export const handle = <S, Ask, Told>(
  states: Map<number, S>,
  session: Session<S, Ask, Told>,
  event: Event<Ask, Told>
): void => {
  if (event._tag === "Gone") return void states.delete(event.id)
  const id = event._tag === "Came" ? event.client.id : event.id
  try {
    const [state, out] =
      event._tag === "Came" ? session.open(event.client) : session.receive(states.get(id) as S, event.input)
    states.set(id, state)
    event.answer(Effect.succeed(out))
  } catch (defect) {
    event.answer(Exit.die(defect))
  }
}

/** Serves all clients with one fiber. @category models @since 0.1.0 */
export const model: Model = {
  name: "select",
  serve: Effect.fnUntraced(function* <S, Ask, Told>(program: Program<S, Ask, Told>, options: Options) {
    const { session } = program
    const states = new Map<number, S>()
    const events = yield* Queue.unbounded<Event<Ask, Told>>()
    yield* Effect.forkScoped(Effect.forever(Effect.map(Queue.take(events), (event) => handle(states, session, event))))
    const bring = (event: (answer: Answer<Ask>) => Event<Ask, Told>) =>
      Effect.callback<Out<Ask>>((resume) => void Queue.offerUnsafe(events, event(resume)))
    const keeper = (client: Client): ConnectionHandler.Keeper<Ask, Told> => ({
      open: (then) =>
        Effect.flatMap(
          bring((answer) => ({ _tag: "Came", client, answer })),
          then
        ),
      receive: (input, then) =>
        Effect.flatMap(
          bring((answer) => ({ _tag: "Said", id: client.id, input, answer })),
          then
        )
    })
    const converse = ConnectionHandler.handler(program, options, { keeper })
    return yield* TcpServer.make({ service: "session", ...options }, (connection, client) =>
      Effect.ensuring(
        converse(connection, client),
        Effect.sync(() => void Queue.offerUnsafe(events, { _tag: "Gone", id: client.id }))
      )
    )
  })
}
