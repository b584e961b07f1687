/** A value that changes, for readers that need the newest one only. */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"

/** A value that changes. A reader that is slow skips values; the memory is that of one value. */
export interface Newest<A> {
  readonly set: (value: A) => void
  /** Ends all streams after the newest value. Later values are ignored. */
  readonly end: () => void
  /** Emits the newest value, then each time the newest later one, with the interval between them. */
  readonly stream: Stream.Stream<A>
}

/** Makes a value that is not set yet. `interval` is the shortest time between two values of a stream. */
export const make = <A>(interval: Duration.Input): Newest<A> => {
  const intervalMillis = Duration.toMillis(Duration.fromInputUnsafe(interval))
  let newest: { readonly version: number; readonly value: A } | undefined
  let hasEnded = false
  let changed = Latch.makeUnsafe(false)
  const wakeReaders = () => {
    const before = changed
    changed = Latch.makeUnsafe(false)
    before.openUnsafe()
  }
  const reader = Effect.map(Clock.Clock, (clock) => {
    let seen = 0
    let dueMillis = Number.NEGATIVE_INFINITY
    const pull: Pull.Pull<Arr.NonEmptyReadonlyArray<A>> = Effect.suspend(() => {
      if (newest === undefined || newest.version === seen) {
        return hasEnded ? Cause.done() : Effect.andThen(changed.await, pull)
      }
      const now = clock.currentTimeMillisUnsafe()
      if (now < dueMillis) return Effect.andThen(Effect.sleep(dueMillis - now), pull)
      seen = newest.version
      dueMillis = now + intervalMillis
      return Effect.succeed([newest.value])
    })
    return pull
  })
  return {
    set: (value) => {
      if (hasEnded) return
      newest = { version: (newest?.version ?? 0) + 1, value }
      wakeReaders()
    },
    end: () => {
      hasEnded = true
      wakeReaders()
    },
    stream: Stream.fromPull(reader)
  }
}
