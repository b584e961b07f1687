/** The events of a pool of hosts, as lines of text. */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as TcpWorkers from "../../../src/farm/tcp/TcpWorkers.ts"

/** Makes a queue for the option `events`, and effects that take the lines of its events: all so far, or a number. */
export const make = (format: (event: TcpWorkers.Event) => string) =>
  Effect.map(Queue.unbounded<TcpWorkers.Event>(), (events) => ({
    events,
    takeLines: Effect.map(Queue.clear(events), (all) => all.map(format)),
    take: (count: number) => Effect.map(Queue.takeN(events, count), (all) => all.map(format))
  }))

/** Returns the message of an event, or its name if it has none. */
export const messageOf = (event: TcpWorkers.Event) => ("message" in event ? event.message : event._tag)
