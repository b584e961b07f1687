/** Queue of delayed actions on a real network: one fiber executes them all. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import type { Packet } from "../../network/Packet.ts"
import type { Verdict } from "../faults/FaultVerdict.ts"
import * as EventHeap from "../runtime/EventHeap.ts"
import type { Direction } from "./DirectionalEngine.ts"
import type { StreamBuffers } from "./StreamBuffers.ts"

/** A delay queue; times are nanoseconds since its creation. */
export interface DelayQueue {
  readonly now: () => number
  /** Schedules an action that keeps `bytes` bytes; returns false, without scheduling it, if the queue is full. */
  readonly schedule: (time: number, bytes: number, action: () => void) => boolean
  /** Sleeps until a time; Infinity is for ever. */
  readonly sleepUntil: (time: number) => Effect.Effect<void>
}

/** Decides about packets, and reports each packet once, as it is on the wire. */
export interface FaultInjector {
  readonly decide: (direction: Direction, packet: Packet) => Verdict
  readonly report: (packet: Packet, fault?: string, lost?: boolean) => void
  readonly delayQueue: DelayQueue
  readonly streamBuffers: StreamBuffers
  /** Counts a datagram that is lost because the delay queue is full. */
  readonly overflowed: () => void
}

/** Limit of bytes that wait in the queue, with the overhead of their actions. */
const maxBufferedBytes = 2 ** 25
const actionOverheadBytes = 256

/** Creates a delay queue; the actions left when the scope closes are not executed. */
export const make: Effect.Effect<DelayQueue, never, Scope.Scope> = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const start = clock.monotonicTimeNanosUnsafe()
  const heap = EventHeap.make()
  const changed = Latch.makeUnsafe(false)
  let bufferedBytes = 0

  const now = () => Number(clock.monotonicTimeNanosUnsafe() - start)
  const sleepUntil = (time: number): Effect.Effect<void> =>
    Effect.suspend(() => {
      const remainingNanos = time - now()
      if (remainingNanos <= 0) return Effect.void
      if (remainingNanos === Number.POSITIVE_INFINITY) return Effect.never
      // A timer of the host may fire early by a fraction of its resolution.
      return Effect.andThen(Effect.sleep(Duration.nanos(BigInt(Math.ceil(remainingNanos)))), sleepUntil(time))
    })
  const loop = Effect.forever(
    Effect.suspend(() => {
      for (let action = EventHeap.take(heap, now()); action !== undefined; action = EventHeap.take(heap, now()))
        action()
      changed.closeUnsafe()
      const next = EventHeap.peek(heap)
      return next === undefined ? changed.await : Effect.raceFirst(sleepUntil(next.time), changed.await)
    })
  )
  yield* Effect.forkScoped(loop)
  return {
    now,
    schedule: (time, bytes, action) => {
      const size = bytes + actionOverheadBytes
      if (bufferedBytes + size > maxBufferedBytes) return false
      bufferedBytes += size
      const event = EventHeap.schedule(heap, time, () => {
        bufferedBytes -= size
        action()
      })
      if (EventHeap.peek(heap) === event) changed.openUnsafe()
      return true
    },
    sleepUntil
  }
})
