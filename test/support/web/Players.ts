/** Browsers that play and watch, for tests. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as GameSessions from "../../../src/web/games/GameSessions.ts"
import type { GameView } from "../../../src/web/PageRpc.ts"
import { pause } from "../Pause.ts"

/** Number of turns after which a wait has failed. */
const maxTurns = 4_000

/**
 * Reads a stream in the background. `fiber` ends with all values. A wait looks again after each `turn`: 5 ms of real
 * time, or a moment of virtual time in a simulation.
 */
export const collect = Effect.fnUntraced(function* <A, E>(
  stream: Stream.Stream<A, E>,
  turn: Effect.Effect<unknown> = pause
) {
  const values: Array<A> = []
  const fiber = yield* Effect.forkScoped(
    Effect.as(
      Stream.runForEach(stream, (value) => Effect.sync(() => void values.push(value))),
      values
    )
  )
  let from = 0
  /** Waits for a value that satisfies a condition: the one of the wait before, or a later one. */
  const until = Effect.fnUntraced(function* (isWanted: (value: A) => boolean) {
    for (let turns = 0; turns < maxTurns; turns++) {
      const hasEnded = fiber.pollUnsafe() !== undefined
      const at = values.findIndex((value, index) => index >= from && isWanted(value))
      if (at >= 0) {
        from = at
        return values[at]!
      }
      if (hasEnded) break
      yield* turn
    }
    return yield* Effect.die(new Error(`the value did not come; the newest is ${JSON.stringify(values.at(-1))}`))
  })
  return { values, fiber, until }
})

/** Starts a game in the background. Returns once it has a session. */
export const play = Effect.fnUntraced(function* (
  games: GameSessions.GameSessions,
  service: string,
  turn: Effect.Effect<unknown> = pause
) {
  let session = -1
  const stream = Stream.tap(games.play(service), (view: GameView) =>
    Effect.sync(() => {
      if (view._tag === "Started") session = view.session
    })
  )
  const reader = yield* collect(stream, turn)
  const say = (line: string) => Effect.suspend(() => games.say(session, line))
  yield* reader.until(() => session !== -1)
  return { ...reader, say }
})
