/**
 * One direction of an impaired stream: a queue of pieces, each with the time at which it may pass, and the end of the
 * stream.
 */

import * as Effect from "effect/Effect"
import type * as Endpoint from "../../network/Endpoint.ts"
import type * as Packet from "../../network/Packet.ts"
import type { Verdict } from "../faults/FaultVerdict.ts"
import type { FaultInjector } from "./DelayQueue.ts"

/** Direction of the data: from the program to the network, or from the network to the program. */
type Direction = "outbound" | "inbound"

/** A piece of data in the queue. */
interface QueuedPiece {
  readonly bytes: Uint8Array
  /** Time at which the piece may pass, in nanoseconds of the delay queue. */
  readonly dueNanos: number
  /** End of the stream after the bytes. */
  readonly end: "fin" | "rst" | undefined
  /** True for the rest of a piece that passed before; a reader must not receive the two together. */
  readonly separate: boolean
}

export interface ImpairedDirection {
  /**
   * Applies the fault plan to a packet. Returns true if the packet may pass at once; otherwise, and if it `waits`,
   * queues it.
   */
  readonly enqueue: (kind: Packet.Kind, bytes: Uint8Array, waits?: boolean) => boolean
  readonly head: () => QueuedPiece | undefined
  readonly shift: () => void
  /** Returns the capture note for a packet: the fault applied to it, if any. */
  readonly faultNoteOf: (kind: Packet.Kind, bytes: Uint8Array) => string | undefined
  /** Returns the bytes in the queue. */
  readonly queuedBytes: () => number
  /** Returns the time at which the last piece is due, in nanoseconds. */
  readonly lastDueNanos: () => number
  /** Returns true after a fault has ended the direction; later data are lost. */
  readonly isEnded: () => boolean
  /** Discards the queue and ends the direction. */
  readonly clear: () => void
  /** Waits until a condition holds; evaluated at every change of the queue. */
  readonly waitUntil: (holds: () => boolean) => Effect.Effect<void>
  readonly wake: () => void
}

/** The bytes of a packet without payload. */
export const emptyBytes = new Uint8Array(0)

/** Splits bytes into pieces; returns one empty piece for empty bytes. */
const piecesOf = (bytes: Uint8Array, size: number): Array<Uint8Array> => {
  const pieces: Array<Uint8Array> = []
  for (let from = 0; from < bytes.length || from === 0; from += size) pieces.push(bytes.subarray(from, from + size))
  return pieces
}

export const make = (
  { decide, report, delayQueue }: FaultInjector,
  from: Endpoint.Endpoint,
  to: Endpoint.Endpoint,
  direction: Direction
): ImpairedDirection => {
  /** Notes for outbound pieces, and for an end of the stream without bytes. */
  const pieceNotes = new WeakMap<Uint8Array, string>()
  let endNote: { readonly kind: QueuedPiece["end"]; readonly note: string } | undefined
  /** Verdict on an inbound packet, decided when it was observed on the wire. */
  let observedVerdict: { readonly kind: Packet.Kind; readonly bytes: Uint8Array; readonly verdict: Verdict } | undefined
  let queue: Array<QueuedPiece> = []
  /** Index of the first piece in the queue; removing each from the array would be slow. */
  let headIndex = 0
  let queuedBytes = 0
  let lastDueNanos = 0
  let ended = false
  const waiters = new Set<() => void>()

  const wake = () => {
    for (const check of [...waiters]) check()
  }
  const verdictFor = (kind: Packet.Kind, bytes: Uint8Array): Verdict => {
    const observed = observedVerdict
    observedVerdict = undefined
    if (observed?.kind === kind && (observed.bytes === bytes || bytes.length === 0)) return observed.verdict
    return decide({ transport: "tcp", kind, from, to, bytes })
  }
  const push = (bytes: Uint8Array, end: QueuedPiece["end"], chunk = Number.POSITIVE_INFINITY, note?: string) => {
    const pieces = piecesOf(bytes, chunk)
    if (note !== undefined && bytes.length > 0) pieceNotes.set(pieces[0]!, note)
    else if (note !== undefined) endNote = { kind: end, note }
    for (const [index, piece] of pieces.entries()) {
      queue.push({
        bytes: piece,
        dueNanos: lastDueNanos,
        end: index === pieces.length - 1 ? end : undefined,
        separate: index > 0
      })
    }
    queuedBytes += bytes.length
    wake()
  }
  return {
    enqueue: (kind, bytes, waits = false) => {
      if (ended) return false
      const now = delayQueue.now()
      const verdict = verdictFor(kind, bytes)
      const fin = kind === "fin" ? "fin" : undefined
      if (verdict._tag !== "Stream") {
        if (!waits && headIndex === queue.length && lastDueNanos <= now) return true
        push(bytes, fin)
        return false
      }
      const { chunkBytes, delayNanos, end, note, stallNanos } = verdict
      lastDueNanos = Math.max(lastDueNanos, now + delayNanos, now + stallNanos)
      ended = end !== undefined
      // A handshake has no data to delay here; the delay applies to what follows it.
      const isMark = bytes.length === 0 && fin === undefined && end === undefined
      if (isMark) return false
      push(end === undefined ? bytes : bytes.subarray(0, end.afterBytes), end?.kind ?? fin, chunkBytes, note)
      // The packet never reaches the wire, so it is reported here.
      if (direction === "outbound" && stallNanos === Number.POSITIVE_INFINITY)
        report({ transport: "tcp", kind, from, to, bytes }, note, true)
      return false
    },
    faultNoteOf: (kind, bytes) => {
      if (direction === "outbound")
        return kind === "data" ? pieceNotes.get(bytes) : kind === endNote?.kind ? endNote.note : undefined
      if (kind !== "data" && kind !== "fin") return undefined
      if (ended) return kind === "data" ? "lost" : undefined
      observedVerdict = { kind, bytes, verdict: verdictFor(kind, bytes) }
      return observedVerdict.verdict._tag === "Stream" ? observedVerdict.verdict.note : undefined
    },
    head: () => queue[headIndex],
    shift: () => {
      queuedBytes -= queue[headIndex]!.bytes.length
      headIndex++
      if (headIndex === queue.length || headIndex > 1_024) {
        queue = queue.slice(headIndex)
        headIndex = 0
      }
      wake()
    },
    queuedBytes: () => queuedBytes,
    lastDueNanos: () => lastDueNanos,
    isEnded: () => ended,
    clear: () => {
      queue = []
      headIndex = 0
      queuedBytes = 0
      ended = true
      wake()
    },
    waitUntil: (holds) =>
      Effect.callback((resume) => {
        const check = () => {
          if (!holds()) return
          waiters.delete(check)
          resume(Effect.void)
        }
        waiters.add(check)
        check()
        return Effect.sync(() => void waiters.delete(check))
      }),
    wake
  }
}
