/** A board that browsers watch without playing. All of them share one connection, and another one after its end. */
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type * as Network from "../../network/Network.ts"
import * as TerminalText from "../../network/TerminalText.ts"
import type { BoardView, PageError } from "../PageRpc.ts"
import * as BoardGame from "./BoardGame.ts"
import * as GameConnection from "./GameConnection.ts"
import * as Newest from "./Newest.ts"

/** Connections of a board that is watched. */
export interface Options extends GameConnection.Times {
  /** Connects to the server that the service has now. */
  readonly connect: Effect.Effect<Network.Connection, PageError, Scope.Scope>
  /** Times at which it connects again. */
  readonly reconnect: Schedule.Schedule<unknown>
  readonly interval: Duration.Input
}

const messageOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return TerminalText.escape(error instanceof Error ? error.message : String(error))
}

/** Watches a board until the scope closes. The stream emits the newest board, and goes on between connections. */
export const make = Effect.fnUntraced(function* ({ connect, interval, reconnect, timeout }: Options) {
  const views = Newest.make<BoardView>(interval)
  let state = BoardGame.initial
  const update = (next: BoardGame.State) => {
    const { grid, messages } = next
    if (grid !== state.grid || messages !== state.messages) views.set({ grid, messages })
    state = next
  }
  const once = Effect.gen(function* () {
    const connection = yield* connect
    const machine = { ...BoardGame.machine("watch"), initial: BoardGame.reopened(state) }
    const { ended } = yield* GameConnection.run(connection, machine, { interval, timeout }, update)
    return yield* ended
  }).pipe(
    Effect.scoped,
    Effect.catchCause((cause) => Effect.succeed(messageOf(cause))),
    Effect.tap((reason) => Effect.sync(() => update(BoardGame.notice(state, `Connecting again: ${reason}.`))))
  )
  yield* Effect.forkScoped(Effect.repeat(once, reconnect))
  return views.stream
})
