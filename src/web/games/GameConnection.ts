/** A connection to the server of a game: runs the machine of the game on it. */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as Network from "../../network/Network.ts"
import * as TerminalText from "../../network/TerminalText.ts"
import { PageError } from "../PageRpc.ts"
import type { Event, GameMachine, PlayView } from "./GameMachine.ts"
import * as Newest from "./Newest.ts"

/** Times of a connection. */
export interface Times {
  /** Shortest time between two views. */
  readonly interval: Duration.Input
  /** Timeout for sending a line: the server does not read. */
  readonly timeout: Duration.Duration
}

/** A game that runs on a connection. */
export interface GameConnection {
  /** Emits the newest view, and ends after the last one. */
  readonly views: Stream.Stream<PlayView>
  /** Waits until the connection has ended, and returns why. */
  readonly ended: Effect.Effect<string>
  /** Sends a line of the player. */
  readonly say: (line: string) => Effect.Effect<void, PageError>
}

/** Interval of the text that keeps the connection. Servers that use it wait at least twice as long. */
const keepAliveMillis = 20_000

const closed = "the server closed the connection"

const reasonOf = (cause: Cause.Cause<Network.NetworkError>): string => {
  const error = Cause.squash(cause)
  return TerminalText.escape(error instanceof Error ? error.message : String(error))
}

const invalid = (message: string) => Effect.fail(new PageError({ reason: "Invalid", message }))

/** Runs a machine on a connection, until the scope closes. `onState` observes the states of the machine. */
export const run = Effect.fnUntraced(function* <S>(
  connection: Network.Connection,
  machine: GameMachine<S>,
  { interval, timeout }: Times,
  onState: (state: S) => void = constVoid
): Effect.fn.Return<GameConnection, never, Scope.Scope> {
  const views = Newest.make<PlayView>(interval)
  const ended = yield* Deferred.make<string>()
  const utf8 = new TextDecoder()
  let { initial: state } = machine

  const dispatch = (event: Event) =>
    Effect.suspend(() => {
      const [next, send] = machine.step(state, event)
      if (next !== state) {
        state = next
        onState(state)
        const view = machine.view(state)
        if (view !== undefined) views.set(view)
      }
      return send === "" ? Effect.void : connection.write(send)
    })

  const receive = Effect.forever(
    Effect.flatMap(connection.pull, (bytes) =>
      dispatch({ _tag: "Received", text: utf8.decode(bytes, { stream: true }) })
    )
  ).pipe(
    Pull.catchDone(() => Effect.succeed(closed)),
    Effect.catchCause((cause) => Effect.succeed(reasonOf(cause)))
  )
  const finish = Effect.flatMap(receive, (reason) => {
    views.end()
    return Deferred.succeed(ended, reason)
  })

  const first = machine.view(state)
  if (first !== undefined) views.set(first)
  yield* Effect.forkScoped(finish)
  // A failed write is reported by the read side.
  yield* Effect.ignore(dispatch({ _tag: "Opened" }))
  if (machine.keepAlive !== undefined) {
    const send = Effect.delay(connection.write(machine.keepAlive), keepAliveMillis)
    yield* Effect.forkScoped(Effect.ignore(Effect.forever(send)))
  }

  const say = (line: string) => {
    if (/\p{Cc}/u.test(line)) return invalid("control characters are not allowed in a line")
    const problem = machine.problemOf(state, line)
    if (problem !== undefined) return invalid(problem)
    return dispatch({ _tag: "Said", line }).pipe(
      Effect.mapError(({ message }) => message),
      Effect.timeoutOrElse({ duration: timeout, orElse: () => Effect.fail("the server does not read") }),
      Effect.mapError(
        (reason) =>
          new PageError({ reason: "Unavailable", message: `cannot send the line: ${TerminalText.escape(reason)}` })
      )
    )
  }
  return { views: views.stream, ended: Deferred.await(ended), say: (line) => Effect.suspend(() => say(line)) }
})
