/** A clock whose time jumps, as that of a process that was busy: each timer that is due then runs once. */
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

/** The turns in which the fibers that were woken do what they can. */
const turns = 50

/** Makes a clock, and the function that lets a time in milliseconds pass at once. */
export const make = Effect.sync(() => {
  let millis = 0
  const sleepers = new Map<Deferred.Deferred<void>, number>()
  const nanos = () => BigInt(Math.round(millis * 1e6))
  const clock: Clock.Clock = {
    currentTimeMillisUnsafe: () => millis,
    currentTimeMillis: Effect.sync(() => millis),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: nanos,
    monotonicTimeNanos: Effect.sync(nanos),
    sleep: (duration) =>
      Effect.suspend(() => {
        const woken = Deferred.makeUnsafe<void>()
        sleepers.set(woken, millis + Duration.toMillis(duration))
        return Effect.ensuring(
          Deferred.await(woken),
          Effect.sync(() => sleepers.delete(woken))
        )
      })
  }
  const jump = Effect.fnUntraced(function* (by: number) {
    millis += by
    for (const [woken, at] of [...sleepers]) if (at <= millis) Deferred.doneUnsafe(woken, Exit.void)
    for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
  })
  return { clock, jump }
})
