/**
 * Events and stats of a server for its observers.
 *
 * Events are hot: a subscriber receives those after its subscription. Without a subscriber no event is built and no
 * buffer exists, so that a server may emit from callbacks and hot paths.
 */
import type * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/** Events and stats of a server, the same members for every server. @category models @since 0.1.0 */
export interface Observable<Event, Stats> {
  /**
   * Emits the events from the subscription to the end of the server. A subscriber more than 1,024 events behind loses
   * the oldest ones.
   */
  readonly events: Stream.Stream<Event>
  readonly stats: Effect.Effect<Stats>
  /** Emits the stats at once, and then once in each interval. */
  readonly statsEvery: (interval: Duration.Input) => Stream.Stream<Stats>
}

/** Source of the events of a server. */
export interface ServerEvents<Event> {
  /** Emits an event without an effect. `event` is called only if there is a subscriber. */
  readonly emit: (event: () => Event) => void
  readonly events: Stream.Stream<Event>
}

/** Maximum number of events buffered for a subscriber. */
const maxBufferedEvents = 1_024

/** Creates the source of events. The streams of all subscribers end with the scope. */
export const make = <Event>(): Effect.Effect<ServerEvents<Event>, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const subscribers = new Set<Queue.Queue<Event, Cause.Done>>()
      const state = { isClosed: false }
      const subscribe = Effect.map(Queue.sliding<Event, Cause.Done>(maxBufferedEvents), (queue) => {
        if (state.isClosed) Queue.endUnsafe(queue)
        else subscribers.add(queue)
        return queue
      })
      const unsubscribe = (queue: Queue.Queue<Event, Cause.Done>) => Effect.sync(() => subscribers.delete(queue))
      return {
        emit: (event: () => Event) => {
          if (subscribers.size === 0) return
          const value = event()
          for (const queue of subscribers) Queue.offerUnsafe(queue, value)
        },
        events: Stream.unwrap(Effect.map(Effect.acquireRelease(subscribe, unsubscribe), Stream.fromQueue)),
        end: () => {
          state.isClosed = true
          for (const queue of subscribers) Queue.endUnsafe(queue)
        }
      }
    }),
    ({ end }) => Effect.sync(end)
  )

/** Returns the members for observers of a server, from its stats. */
export const observable = <Event, Stats>(
  events: Stream.Stream<Event>,
  stats: Effect.Effect<Stats>
): Observable<Event, Stats> => ({
  events,
  stats,
  statsEvery: (interval) => Stream.mapEffect(Stream.tick(interval), () => stats)
})
