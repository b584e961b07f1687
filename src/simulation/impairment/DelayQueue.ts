/** What is to happen later on a real network: one fiber does it all, at its time. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import type { Packet } from "../../network/Packet.ts"
import type { Verdict } from "../faults/FaultVerdict.ts"

/** Times are nanoseconds since it was made. */
export interface DelayQueue {
  readonly now: () => number
  /** Plans an action that keeps so many bytes; false if too much is planned already, and then it is not. */
  readonly schedule: (time: number, bytes: number, action: () => void) => boolean
  /** Sleeps till a time; Infinity is for ever. */
  readonly sleepUntil: (time: number) => Effect.Effect<void>
}

/** Who decides about packets, and is told what became of them: each as it is on the wire, once. */
export interface FaultInjector {
  readonly decide: (packet: Packet) => Verdict
  readonly report: (packet: Packet, fault?: string, lost?: boolean) => void
  readonly delayQueue: DelayQueue
}

/** Bytes that may wait for their time; what an action itself takes is counted, too. */
const maxBufferedBytes = 2 ** 25
const actionOverheadBytes = 256

/** Stops with the scope: what has not happened by then does not. */
export const make: Effect.Effect<DelayQueue, never, Scope.Scope> = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const start = clock.monotonicTimeNanosUnsafe()
  /** The next one comes last; those of one time in the order of planning. */
  const entries: Array<{ readonly time: number; readonly size: number; readonly action: () => void }> = []
  const changed = Latch.makeUnsafe(false)
  let bufferedBytes = 0

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
      for (let next = entries.at(-1); next !== undefined && next.time <= now(); next = entries.at(-1)) {
        entries.pop()
        bufferedBytes -= next.size
        next.action()
      }
      changed.closeUnsafe()
      const next = entries.at(-1)
      return next === undefined ? changed.await : Effect.raceFirst(sleepUntil(next.time), changed.await)
    })
  )
  yield* Effect.forkScoped(loop)
  return {
    now,
    schedule: (time, bytes, action) => {
      const size = bytes + actionOverheadBytes
      if (bufferedBytes + size > maxBufferedBytes) return false
      let low = 0
      for (let high = entries.length; low < high; ) {
        const middle = (low + high) >> 1
        if (entries[middle]!.time <= time) high = middle
        else low = middle + 1
      }
      entries.splice(low, 0, { time, size, action })
      bufferedBytes += size
      if (low === entries.length - 1) changed.openUnsafe()
      return true
    },
    sleepUntil
  }
})
