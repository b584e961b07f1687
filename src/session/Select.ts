/**
 * Concurrency model "select": one fiber handles all events of all clients, as a server with one `select()` loop does.
 *
 * The fiber takes every event from a single queue and keeps the state of every client in one map. The readers of the
 * connections only enqueue events, and wait until theirs was handled, so that the queue holds at most one for each
 * client. The reader that enqueued the event also sends the output: a slow client does not delay the others.
 *
 * **Example** (Handling events)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { Select, type Session } from "effect-inet/session"
 *
 * const session: Session.Session<number> = {
 *   framing: { _tag: "Lines" },
 *   open: () => [0, { text: "hello\n" }],
 *   receive: (count) => [count + 1, {}]
 * }
 *
 * const states = new Map<number, number>()
 * const texts: Array<string | undefined> = []
 * const respond: Select.Respond<never> = (result) => texts.push(Effect.runSync(result).text)
 * const client = { id: 1, remote: "127.0.0.1:5000", seed: 0 }
 * Select.handle(states, session, { _tag: "Connected", client, respond })
 * Select.handle(states, session, { _tag: "Input", id: 1, input: { _tag: "Line", text: "hi" }, respond })
 * texts // => ["hello\n", undefined]
 * states.get(1) // => 1
 * ```
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as TcpServer from "../network/TcpServer.ts"
import type { ClientStateHolder } from "./ClientStateHolder.ts"
import type { ConcurrencyModel, Options, Program } from "./ConcurrencyModel.ts"
import * as ConnectionHandler from "./ConnectionHandler.ts"
import type { ClientInfo, Input, Output, Session } from "./Session.ts"

/** Returns the output of the session to the reader that enqueued the event. @category models @since 0.1.0 */
export type Respond<Ask> = (result: Effect.Effect<Output<Ask>>) => void

/** Event of a connection. `id` is the number of its client. @category models @since 0.1.0 */
export type Event<Ask, Message> =
  | { readonly _tag: "Connected"; readonly client: ClientInfo; readonly respond: Respond<Ask> }
  | { readonly _tag: "Input"; readonly id: number; readonly input: Input<Message>; readonly respond: Respond<Ask> }
  | { readonly _tag: "Disconnected"; readonly id: number }

/**
 * Handles one event. A session that throws affects its own client only.
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

/** Concurrency model that serves all clients with one fiber. @category models @since 0.1.0 */
export const model: ConcurrencyModel = {
  name: "select",
  serve: Effect.fnUntraced(function* <S, Ask, Message>(program: Program<S, Ask, Message>, options: Options) {
    const { session } = program
    const states = new Map<number, S>()
    const events = yield* Queue.unbounded<Event<Ask, Message>>()
    yield* Effect.forkScoped(Effect.forever(Effect.map(Queue.take(events), (event) => handle(states, session, event))))
    const enqueue = (event: (respond: Respond<Ask>) => Event<Ask, Message>) =>
      Effect.callback<Output<Ask>>((resume) => void Queue.offerUnsafe(events, event(resume)))
    const makeClientStateHolder = (client: ClientInfo): ClientStateHolder<Ask, Message> => ({
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
    const handler = ConnectionHandler.handler(program, options, { makeClientStateHolder })
    return yield* TcpServer.make({ service: "session", ...options }, (connection, client) =>
      Effect.ensuring(
        handler(connection, client),
        Effect.sync(() => void Queue.offerUnsafe(events, { _tag: "Disconnected", id: client.id }))
      )
    )
  })
}
