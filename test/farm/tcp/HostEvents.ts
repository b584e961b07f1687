/** The events of a pool of hosts, as lines of text. */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as TcpWorkers from "../../../src/farm/tcp/TcpWorkers.ts"

/** Makes a queue for the option `events`, and an effect that takes the lines of its events. */
export const make = (format: (event: TcpWorkers.Event) => string) =>
  Effect.map(Queue.unbounded<TcpWorkers.Event>(), (events) => ({
    events,
    takeLines: Effect.map(Queue.clear(events), (all) => all.map(format))
  }))

/** Returns the message of an event, or its name if it has none. */
export const messageOf = (event: TcpWorkers.Event) => ("message" in event ? event.message : event._tag)
