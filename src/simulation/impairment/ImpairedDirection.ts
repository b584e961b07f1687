/** One direction of a stream that meets a fault plan: what waits there, until when, in what pieces; how it ends. */

import * as Effect from "effect/Effect"
import type * as Endpoint from "../../network/Endpoint.ts"
import type * as Packet from "../../network/Packet.ts"
import type { Verdict } from "../faults/FaultVerdict.ts"
import type { Judge } from "./DelayQueue.ts"

/** Which way a lane leads: from its program to the network, or back. */
type Way = "out" | "back"

/** Something that waits. */
interface Item {
  readonly bytes: Uint8Array
  /** Nanoseconds of the timer. */
  readonly due: number
  /** Behind the bytes. */
  readonly end: "fin" | "rst" | undefined
  /** The rest of a piece that came before it: the two are not to be found together. */
  readonly apart: boolean
}

export interface Lane {
  /**
   * Asks what becomes of this; true if nothing is in its way, so that it may pass by itself. Otherwise it waits here,
   * as it does if it is told to.
   */
  readonly add: (kind: Packet.Kind, bytes: Uint8Array, waits?: boolean) => boolean
  readonly head: () => Item | undefined
  readonly shift: () => void
  /** What a fault does to a packet that is seen on the wire now: sent from here, or yet to be added. */
  readonly noteOf: (kind: Packet.Kind, bytes: Uint8Array) => string | undefined
  /** Bytes that wait. */
  readonly size: () => number
  /** When what was added last is due. */
  readonly last: () => number
  /** A fault has ended it: what comes after is lost. */
  readonly isOver: () => boolean
  /** Forgets all that waits. */
  readonly clear: () => void
  /** Waits until something holds; looked at whenever the lane changes. */
  readonly until: (holds: () => boolean) => Effect.Effect<void>
  readonly wake: () => void
}

const none = new Uint8Array(0)

/** The pieces that bytes come in; one, if there are none. */
const piecesOf = (bytes: Uint8Array, size: number): Array<Uint8Array> => {
  const pieces: Array<Uint8Array> = []
  for (let from = 0; from < bytes.length || from === 0; from += size) pieces.push(bytes.subarray(from, from + size))
  return pieces
}

export const make = (
  { decide, tell, timer }: Judge,
  from: Endpoint.Endpoint,
  to: Endpoint.Endpoint,
  way: Way
): Lane => {
  /** Faults of pieces that are on their way out, and of an end that has none. */
  const notes = new WeakMap<Uint8Array, string>()
  let ending: { readonly kind: Item["end"]; readonly note: string } | undefined
  /** What was decided about a packet that came, when it was seen on the wire. */
  let early: { readonly kind: Packet.Kind; readonly bytes: Uint8Array; readonly verdict: Verdict } | undefined
  let items: Array<Item> = []
  /** Items before it are done with: taking the first of many off an array is slow. */
  let at = 0
  let size = 0
  let last = 0
  let over = false
  const lookers = new Set<() => void>()

  const wake = () => {
    for (const look of [...lookers]) look()
  }
  const decided = (kind: Packet.Kind, bytes: Uint8Array): Verdict => {
    const known = early
    early = undefined
    if (known?.kind === kind && (known.bytes === bytes || bytes.length === 0)) return known.verdict
    return decide({ transport: "tcp", kind, from, to, bytes })
  }
  const push = (bytes: Uint8Array, end: Item["end"], chunk = Number.POSITIVE_INFINITY, note?: string) => {
    const pieces = piecesOf(bytes, chunk)
    if (note !== undefined && bytes.length > 0) notes.set(pieces[0]!, note)
    else if (note !== undefined) ending = { kind: end, note }
    for (const [index, piece] of pieces.entries()) {
      items.push({ bytes: piece, due: last, end: index === pieces.length - 1 ? end : undefined, apart: index > 0 })
    }
    size += bytes.length
    wake()
  }
  return {
    add: (kind, bytes, waits = false) => {
      if (over) return false
      const now = timer.now()
      const verdict = decided(kind, bytes)
      const fin = kind === "fin" ? "fin" : undefined
      if (verdict._tag !== "Stream") {
        if (!waits && at === items.length && last <= now) return true
        push(bytes, fin)
        return false
      }
      const { chunk, delay, end, note, stall } = verdict
      last = Math.max(last, now + delay, now + stall)
      over = end !== undefined
      // A handshake has nothing that could wait here: it is what comes after that does.
      const isMark = bytes.length === 0 && fin === undefined && end === undefined
      if (isMark) return false
      push(end === undefined ? bytes : bytes.subarray(0, end.after), end?.kind ?? fin, chunk, note)
      // It is never to be on the wire: this is all there is to be told of it.
      if (way === "out" && stall === Number.POSITIVE_INFINITY)
        tell({ transport: "tcp", kind, from, to, bytes }, note, true)
      return false
    },
    noteOf: (kind, bytes) => {
      if (way === "out") return kind === "data" ? notes.get(bytes) : kind === ending?.kind ? ending.note : undefined
      if (kind !== "data" && kind !== "fin") return undefined
      if (over) return kind === "data" ? "lost" : undefined
      early = { kind, bytes, verdict: decided(kind, bytes) }
      return early.verdict._tag === "Stream" ? early.verdict.note : undefined
    },
    head: () => items[at],
    shift: () => {
      size -= items[at]!.bytes.length
      at++
      if (at === items.length || at > 1_024) {
        items = items.slice(at)
        at = 0
      }
      wake()
    },
    size: () => size,
    last: () => last,
    isOver: () => over,
    clear: () => {
      items = []
      at = 0
      size = 0
      over = true
      wake()
    },
    until: (holds) =>
      Effect.callback((resume) => {
        const look = () => {
          if (!holds()) return
          lookers.delete(look)
          resume(Effect.void)
        }
        lookers.add(look)
        look()
        return Effect.sync(() => void lookers.delete(look))
      }),
    wake
  }
}

/** Of what has no bytes. */
export const nothing = none
