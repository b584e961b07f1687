/** Record of the events of one run, with a limit: the first and the last events are kept. */
import type * as Recording from "../Recording.ts"

/** Events kept from the start of a run, and from its end. */
const maxKeptEvents = 20_000

/** Kept events of a run. */
export interface EventLog {
  readonly record: Recording.Recorder
  /** Returns the events kept so far, in order. */
  readonly events: () => ReadonlyArray<Recording.Event>
  /** Returns the number of events in the middle that were not kept. */
  readonly omitted: () => number
}

/** Copies the bytes of an event, which the network and the programs may use again. */
export const copy = (event: Recording.Event): Recording.Event =>
  event._tag === "Packet" ? { ...event, packet: { ...event.packet, bytes: event.packet.bytes.slice() } } : event

/** Creates an empty log. */
export const make = (maxEvents = maxKeptEvents): EventLog => {
  const head: Array<Recording.Event> = []
  let tail: Array<Recording.Event> = []
  let total = 0
  return {
    record: (event) => {
      total++
      if (head.length < maxEvents) head.push(copy(event))
      else {
        tail.push(copy(event))
        if (tail.length >= 2 * maxEvents) tail = tail.slice(-maxEvents)
      }
    },
    events: () => [...head, ...tail.slice(-maxEvents)],
    omitted: () => total - head.length - Math.min(tail.length, maxEvents)
  }
}
