/** A value that can be read at any time, with a stream of its changes. */
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/** A value and its changes. @category models @since 0.1.0 */
export interface Subscribable<out A> {
  readonly get: Effect.Effect<A>
  /**
   * Emits the current value, then the value after each change. A slow subscriber receives only the latest value. The
   * stream ends with its owner.
   */
  readonly changes: Stream.Stream<A>
}

/** A `Subscribable` with the effect that reports a change to its subscribers. */
export interface Source<out A> extends Subscribable<A> {
  readonly notify: Effect.Effect<void>
}

/** Makes a source of values that `read` returns. It is called once for each access and each delivery. */
export const make = <A>(read: () => A): Effect.Effect<Source<A>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const changed = yield* Effect.acquireRelease(PubSub.sliding<void>({ capacity: 1, replay: 1 }), PubSub.shutdown)
    const notify = PubSub.publish(changed, undefined)
    yield* notify
    return { get: Effect.sync(read), changes: Stream.map(Stream.fromPubSub(changed), read), notify }
  })
