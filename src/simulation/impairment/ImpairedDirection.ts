/** One direction of a stream that meets a fault plan: what waits there, until when, in what pieces; how it ends. */

import * as Effect from "effect/Effect"
import type * as Endpoint from "../../network/Endpoint.ts"
import type * as Packet from "../../network/Packet.ts"
import type { Verdict } from "../faults/FaultVerdict.ts"
import type { FaultInjector } from "./DelayQueue.ts"

/** Which way a lane leads: from its program to the network, or back. */
type Direction = "outbound" | "inbound"

/** Something that waits. */
interface QueuedPiece {
  readonly bytes: Uint8Array
  /** Nanoseconds of the timer. */
  readonly dueNanos: number
  /** Behind the bytes. */
  readonly end: "fin" | "rst" | undefined
  /** The rest of a piece that came before it: the two are not to be found together. */
  readonly separate: boolean
}

export interface ImpairedDirection {
  /**
   * Asks what becomes of this; true if nothing is in its way, so that it may pass by itself. Otherwise it waits here,
   * as it does if it is told to.
   */
  readonly enqueue: (kind: Packet.Kind, bytes: Uint8Array, waits?: boolean) => boolean
  readonly head: () => QueuedPiece | undefined
  readonly shift: () => void
  /** What a fault does to a packet that is seen on the wire now: sent from here, or yet to be added. */
  readonly faultNoteOf: (kind: Packet.Kind, bytes: Uint8Array) => string | undefined
  /** Bytes that wait. */
  readonly queuedBytes: () => number
  /** When what was added last is due. */
  readonly lastDueNanos: () => number
  /** A fault has ended it: what comes after is lost. */
  readonly isEnded: () => boolean
  /** Forgets all that waits. */
  readonly clear: () => void
  /** Waits until something holds; looked at whenever the lane changes. */
  readonly waitUntil: (holds: () => boolean) => Effect.Effect<void>
  readonly wake: () => void
}

/** The bytes of a packet without payload. */
export const emptyBytes = new Uint8Array(0)

/** The pieces that bytes come in; one, if there are none. */
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
  /** Faults of pieces that are on their way out, and of an end that has none. */
  const pieceNotes = new WeakMap<Uint8Array, string>()
  let endNote: { readonly kind: QueuedPiece["end"]; readonly note: string } | undefined
  /** What was decided about a packet that came, when it was seen on the wire. */
  let observedVerdict: { readonly kind: Packet.Kind; readonly bytes: Uint8Array; readonly verdict: Verdict } | undefined
  let queue: Array<QueuedPiece> = []
  /** Items before it are done with: taking the first of many off an array is slow. */
  let headIndex = 0
  let queuedBytes = 0
  let lastDueNanos = 0
  let ended = false
  const waiters = new Set<() => void>()

  const wake = () => {
    for (const look of [...waiters]) look()
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
      queue.push({ bytes: piece, dueNanos: lastDueNanos, end: index === pieces.length - 1 ? end : undefined, separate: index > 0 })
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
      // A handshake has nothing that could wait here: it is what comes after that does.
      const isMark = bytes.length === 0 && fin === undefined && end === undefined
      if (isMark) return false
      push(end === undefined ? bytes : bytes.subarray(0, end.afterBytes), end?.kind ?? fin, chunkBytes, note)
      // It is never to be on the wire: this is all there is to be told of it.
      if (direction === "outbound" && stallNanos === Number.POSITIVE_INFINITY)
        report({ transport: "tcp", kind, from, to, bytes }, note, true)
      return false
    },
    faultNoteOf: (kind, bytes) => {
      if (direction === "outbound") return kind === "data" ? pieceNotes.get(bytes) : kind === endNote?.kind ? endNote.note : undefined
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
        const look = () => {
          if (!holds()) return
          waiters.delete(look)
          resume(Effect.void)
        }
        waiters.add(look)
        look()
        return Effect.sync(() => void waiters.delete(look))
      }),
    wake
  }
}

