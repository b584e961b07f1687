/** A game on the whole screen: what the server says and which keys are pressed give a state, the state a picture. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Pull from "effect/Pull"
import * as Queue from "effect/Queue"
import { harmless } from "../../../terminal/Ansi.ts"
import * as NodeScreen from "../../../terminal/NodeScreen.ts"
import type { Line } from "../../../terminal/StyledText.ts"
import { CannotPlay } from "../../common/Shutdown.ts"

/** What happens to a game. */
export type Event<News> =
  | NodeScreen.ScreenEvent
  | { readonly _tag: "News"; readonly news: News }
  /** The server has ended the connection, or it broke; `why` is a sentence. */
  | { readonly _tag: "Gone"; readonly why: string }

/** What to do about it. */
export type Deed =
  | { readonly _tag: "Send"; readonly text: string }
  /** The player has seen the end. */
  | { readonly _tag: "Done" }
  /** The player goes in the middle: the command was interrupted. */
  | { readonly _tag: "Leave" }
  | { readonly _tag: "Fail"; readonly message: string }

/** The next state, and what to do. */
export type Step<S> = readonly [S, Deed?]

/** A game as values and pure functions. */
export interface Game<S, News> {
  readonly first: S
  readonly step: (state: S, event: Event<News>) => Step<S>
  readonly draw: (state: S, columns: number, rows: number) => ReadonlyArray<Line>
}

/** A connection to a server, as a game sees it. */
export interface Talk<News, E> {
  readonly next: Pull.Pull<News, E>
  readonly send: (text: string) => Effect.Effect<void, E>
}

/** What waits to be seen; a server that says more waits. */
const capacity = 64

const messageOf = (cause: Cause.Cause<unknown>) => {
  const error = Cause.squash(cause)
  return error instanceof Error ? error.message : String(error)
}

/** Plays until the player leaves or the game fails; the terminal is then as it was before. */
export const play = Effect.fnUntraced(function* <S, News, E>({ next, send }: Talk<News, E>, game: Game<S, News>) {
  const screen = yield* NodeScreen.open
  const inbox = yield* Queue.bounded<Event<News>>(capacity)
  const listen = Effect.forever(Effect.flatMap(next, (news) => Queue.offer(inbox, { _tag: "News", news }))).pipe(
    Effect.exit,
    Effect.flatMap((exit) => {
      const why =
        Exit.isFailure(exit) && !isDone(exit.cause) ? messageOf(exit.cause) : "the server ended the connection"
      return Queue.offer(inbox, { _tag: "Gone", why })
    })
  )
  yield* Effect.forkScoped(listen)
  yield* Effect.forkScoped(
    Effect.forever(Effect.flatMap(Queue.take(screen.events), (event) => Queue.offer(inbox, event)))
  )
  let state = game.first
  while (true) {
    const { columns, rows } = screen.size()
    yield* screen.draw(game.draw(state, columns, rows))
    for (const event of yield* Queue.takeAll(inbox)) {
      const [after, deed] = game.step(state, event)
      state = after
      if (deed === undefined) continue
      if (deed._tag === "Done") return
      if (deed._tag === "Leave") return yield* Effect.interrupt
      if (deed._tag === "Fail") return yield* new CannotPlay({ message: harmless(deed.message) })
      // A connection that cannot be written to any more also ends its reading, which says why.
      yield* Effect.ignore(send(deed.text))
    }
  }
}, Effect.scoped)

const isDone = (cause: Cause.Cause<unknown>) =>
  cause.reasons.some((reason) => Cause.isFailReason(reason) && Cause.isDone(reason.error))
