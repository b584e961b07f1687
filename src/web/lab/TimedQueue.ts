/** The events of a machine with one timer: those of the network, and the timeout. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Scenario from "./Scenario.ts"

/** Events that wait for a machine; more are lost, as in a full socket buffer. */
const maxWaitingEvents = 256

/** A queue of events that ends the wait for the next one at a deadline. */
export interface TimedQueue<Event> {
  /** Adds an event, from a callback of a socket. */
  readonly offer: (event: Event) => void
  /** Waits for the next event; undefined if `atMillis` comes first. */
  readonly nextBefore: (atMillis: number) => Effect.Effect<Event | undefined>
}

/** Makes an empty queue. */
export const make = <Event>(): Effect.Effect<TimedQueue<Event>> =>
  Effect.map(Queue.dropping<Event>(maxWaitingEvents), (queue) => ({
    offer: (event) => void Queue.offerUnsafe(queue, event),
    nextBefore: (atMillis) =>
      Effect.flatMap(Scenario.now, (now) =>
        Effect.map(Effect.timeoutOption(Queue.take(queue), Math.max(0, atMillis - now)), Option.getOrUndefined)
      )
  }))
