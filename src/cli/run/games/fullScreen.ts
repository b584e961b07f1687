/** Full-screen clients: messages of the server and keys change a state, and the state is drawn. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Pull from "effect/Pull"
import * as Queue from "effect/Queue"
import * as NodeScreen from "../../../terminal/NodeScreen.ts"
import type { StyledLine } from "../../../terminal/StyledText.ts"
import { CannotPlay } from "../../common/CliErrors.ts"

/** Input of a game. */
export type Event<Message> =
  | NodeScreen.ScreenEvent
  | { readonly _tag: "Received"; readonly message: Message }
  /** The server closed the connection, or it failed. `reason` is a message for the user. */
  | { readonly _tag: "Disconnected"; readonly reason: string }

/** Command of a game to the driver. */
export type Command =
  | { readonly _tag: "Send"; readonly text: string }
  /** Ends the program with success. */
  | { readonly _tag: "Done" }
  /** Ends the program as interrupted, with exit code 130. */
  | { readonly _tag: "Abort" }
  | { readonly _tag: "Fail"; readonly message: string }

/** The next state, and a command. */
export type Step<S> = readonly [S, Command?]

/** A game as an initial state and pure functions. */
export interface Game<S, Message> {
  readonly initial: S
  readonly step: (state: S, event: Event<Message>) => Step<S>
  readonly draw: (state: S, columns: number, rows: number) => ReadonlyArray<StyledLine>
}

/** Connection to the server of a game. */
export interface ServerConversation<Message, E> {
  readonly next: Pull.Pull<Message, E>
  readonly send: (text: string) => Effect.Effect<void, E>
}

/** Capacity of the queue of events. If it is full, nothing more is read from the server. */
const maxQueuedEvents = 64

const messageOf = (cause: Cause.Cause<unknown>) => {
  const error = Cause.squash(cause)
  return error instanceof Error ? error.message : String(error)
}

/** Runs a game until the player leaves or it fails, then restores the terminal. */
export const play = Effect.fnUntraced(function* <S, Message, E>(
  { next, send }: ServerConversation<Message, E>,
  game: Game<S, Message>
) {
  const screen = yield* NodeScreen.open
  const inbox = yield* Queue.bounded<Event<Message>>(maxQueuedEvents)
  const receive = Effect.forever(
    Effect.flatMap(next, (message) => Queue.offer(inbox, { _tag: "Received", message }))
  ).pipe(
    Effect.exit,
    Effect.flatMap((exit) => {
      const reason =
        Exit.isFailure(exit) && !isDone(exit.cause) ? messageOf(exit.cause) : "the server closed the connection"
      return Queue.offer(inbox, { _tag: "Disconnected", reason })
    })
  )
  yield* Effect.forkScoped(receive)
  yield* Effect.forkScoped(
    Effect.forever(Effect.flatMap(Queue.take(screen.events), (event) => Queue.offer(inbox, event)))
  )
  let state = game.initial
  while (true) {
    const size = screen.size()
    yield* screen.draw(game.draw(state, size.columns, size.rows), size)
    for (const event of yield* Queue.takeAll(inbox)) {
      const [after, command] = game.step(state, event)
      state = after
      if (command === undefined) continue
      if (command._tag === "Done") return
      if (command._tag === "Abort") return yield* Effect.interrupt
      if (command._tag === "Fail") return yield* new CannotPlay({ message: command.message })
      // After a failed write the read side fails, too, and its error is the one that is shown.
      yield* Effect.ignore(send(command.text))
    }
  }
}, Effect.scoped)

const isDone = (cause: Cause.Cause<unknown>) =>
  cause.reasons.some((reason) => Cause.isFailReason(reason) && Cause.isDone(reason.error))
