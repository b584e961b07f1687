/** What is to happen later on a real network: one fiber does it all, at its time. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import type { Packet } from "../../network/Packet.ts"
import type { Verdict } from "../faults/FaultVerdict.ts"

/** Times are nanoseconds since it was made. */
export interface Timer {
  readonly now: () => number
  /** Plans an action that keeps so many bytes; false if too much is planned already, and then it is not. */
  readonly at: (time: number, bytes: number, action: () => void) => boolean
  /** Sleeps till a time; Infinity is for ever. */
  readonly sleepUntil: (time: number) => Effect.Effect<void>
}

/** Who decides about packets, and is told what became of them: each as it is on the wire, once. */
export interface Judge {
  readonly decide: (packet: Packet) => Verdict
  readonly tell: (packet: Packet, fault?: string, lost?: boolean) => void
  readonly timer: Timer
}

/** Bytes that may wait for their time; what an action itself takes is counted, too. */
const most = 2 ** 25
const perAction = 256

/** Stops with the scope: what has not happened by then does not. */
export const make: Effect.Effect<Timer, never, Scope.Scope> = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const start = clock.monotonicTimeNanosUnsafe()
  /** The next one comes last; those of one time in the order of planning. */
  const planned: Array<{ readonly time: number; readonly size: number; readonly action: () => void }> = []
  const changed = Latch.makeUnsafe(false)
  let kept = 0

  const now = () => Number(clock.monotonicTimeNanosUnsafe() - start)
  const sleepUntil = (time: number): Effect.Effect<void> =>
    Effect.suspend(() => {
      const left = time - now()
      if (left <= 0) return Effect.void
      if (left === Number.POSITIVE_INFINITY) return Effect.never
      // A host's timer may be early by a fraction of its step.
      return Effect.andThen(Effect.sleep(Duration.nanos(BigInt(Math.ceil(left)))), sleepUntil(time))
    })
  const loop = Effect.forever(
    Effect.suspend(() => {
      for (let next = planned.at(-1); next !== undefined && next.time <= now(); next = planned.at(-1)) {
        planned.pop()
        kept -= next.size
        next.action()
      }
      changed.closeUnsafe()
      const next = planned.at(-1)
      return next === undefined ? changed.await : Effect.raceFirst(sleepUntil(next.time), changed.await)
    })
  )
  yield* Effect.forkScoped(loop)
  return {
    now,
    at: (time, bytes, action) => {
      const size = bytes + perAction
      if (kept + size > most) return false
      let low = 0
      for (let high = planned.length; low < high; ) {
        const middle = (low + high) >> 1
        if (planned[middle]!.time <= time) high = middle
        else low = middle + 1
      }
      planned.splice(low, 0, { time, size, action })
      kept += size
      if (low === planned.length - 1) changed.openUnsafe()
      return true
    },
    sleepUntil
  }
})
