/**
 * The packets that a farm has in flight at a server, within the bytes that the server allows. Those that do not fit
 * wait here, in order. A packet that is alone always fits.
 */
import type { Task } from "../Worker.ts"

/** A packet ready to be sent. */
export interface EncodedTask {
  readonly id: number
  readonly bytes: number
  readonly frames: ReadonlyArray<Uint8Array>
}

/** The packets of a connection. Mutable. */
export interface SendWindow {
  readonly maxBytes: number
  /** The bytes of the packets in flight, by id. */
  readonly inFlight: Map<number, number>
  inFlightBytes: number
  /** The packets that wait. Each is encoded when it comes first, so that a queue takes no memory but that of values. */
  readonly waiting: Array<Task>
  /** The first that waits. */
  encoded: EncodedTask | undefined
}

/** Makes a window without packets. */
export const make = (maxBytes: number): SendWindow => ({
  maxBytes,
  inFlight: new Map(),
  inFlightBytes: 0,
  waiting: [],
  encoded: undefined
})

const fits = ({ inFlight, inFlightBytes, maxBytes }: SendWindow, { bytes }: EncodedTask) =>
  inFlight.size === 0 || inFlightBytes + bytes <= maxBytes

/**
 * Takes the next packet that waits and fits; `undefined` if there is none. A packet that `encode` returns `undefined`
 * for is dropped.
 */
export const next = (window: SendWindow, encode: (task: Task) => EncodedTask | undefined): EncodedTask | undefined => {
  while (window.encoded === undefined) {
    const task = window.waiting.shift()
    if (task === undefined) return undefined
    window.encoded = encode(task)
  }
  const { encoded } = window
  if (!fits(window, encoded)) return undefined
  window.encoded = undefined
  window.inFlight.set(encoded.id, encoded.bytes)
  window.inFlightBytes += encoded.bytes
  return encoded
}

/** Removes a packet that has an outcome. */
export const release = (window: SendWindow, id: number): void => {
  window.inFlightBytes -= window.inFlight.get(id) ?? 0
  window.inFlight.delete(id)
}

/** Removes packets that wait; returns their ids. */
export const removeWaiting = (window: SendWindow, ids: ReadonlyArray<number>): ReadonlyArray<number> => {
  if (window.encoded === undefined && window.waiting.length === 0) return []
  const wanted = new Set(ids)
  const removed: Array<number> = []
  if (window.encoded !== undefined && wanted.has(window.encoded.id)) {
    removed.push(window.encoded.id)
    window.encoded = undefined
  }
  for (const task of window.waiting.splice(0)) {
    if (wanted.has(task.id)) removed.push(task.id)
    else window.waiting.push(task)
  }
  return removed
}
