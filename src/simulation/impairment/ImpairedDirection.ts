/** Verdicts of the fault plan on one direction of a stream, and the notes about them for captures. */
import type * as Endpoint from "../../network/Endpoint.ts"
import type * as Packet from "../../network/Packet.ts"
import type { Verdict } from "../faults/FaultVerdict.ts"
import type * as HalfStream from "../stream/HalfStream.ts"
import type { FaultInjector } from "./DelayQueue.ts"
import type { Direction } from "./DirectionalEngine.ts"

export interface ImpairedDirection {
  /** Returns what the plan leaves of a packet, and when it is due; undefined if the packet passes unchanged. */
  readonly inspect: (kind: Packet.Kind, bytes: Uint8Array) => HalfStream.Input | undefined
  /** Announces the piece that is sent next, which its capture note belongs to. */
  readonly willSend: (piece: HalfStream.Piece) => void
  /** Returns the capture note for a packet: the fault applied to it, if any. */
  readonly faultNoteOf: (kind: Packet.Kind, bytes: Uint8Array) => string | undefined
}

/** Creates a direction; `isEnded` returns true after a fault has ended it, when later data are lost. */
export const make = (
  { decide, report, delayQueue }: FaultInjector,
  from: Endpoint.Endpoint,
  to: Endpoint.Endpoint,
  direction: Direction,
  isEnded: () => boolean
): ImpairedDirection => {
  let sending: HalfStream.Piece | undefined
  /** Verdict on an inbound packet, decided when it was observed on the wire. */
  let observed: { readonly kind: Packet.Kind; readonly bytes: Uint8Array; readonly verdict: Verdict } | undefined

  const verdictFor = (kind: Packet.Kind, bytes: Uint8Array): Verdict => {
    const earlier = observed
    observed = undefined
    if (earlier?.kind === kind && (earlier.bytes === bytes || bytes.length === 0)) return earlier.verdict
    return decide(direction, { transport: "tcp", kind, from, to, bytes })
  }
  return {
    inspect: (kind, bytes) => {
      const verdict = verdictFor(kind, bytes)
      if (verdict._tag !== "Stream") return undefined
      const { chunkBytes, delayNanos, note, stallNanos } = verdict
      const end = verdict.end?.kind ?? (kind === "fin" ? "fin" : undefined)
      const left = verdict.end === undefined ? bytes : bytes.subarray(0, verdict.end.afterBytes)
      // The packet never reaches the wire, so it is reported here.
      const isLost = direction === "outbound" && stallNanos === Number.POSITIVE_INFINITY
      if (isLost && (bytes.length > 0 || end !== undefined))
        report({ transport: "tcp", kind, from, to, bytes }, note, true)
      return { bytes: left, end, chunkBytes, note, dueNanos: delayQueue.now() + Math.max(delayNanos, stallNanos) }
    },
    willSend: (piece) => {
      sending = piece
    },
    faultNoteOf: (kind, bytes) => {
      if (direction === "outbound") {
        const isSending = kind === "data" ? bytes === sending?.bytes : kind === sending?.end
        return isSending ? sending?.note : undefined
      }
      if (kind !== "data" && kind !== "fin") return undefined
      if (isEnded()) return kind === "data" ? "lost" : undefined
      observed = { kind, bytes, verdict: verdictFor(kind, bytes) }
      return observed.verdict._tag === "Stream" ? observed.verdict.note : undefined
    }
  }
}
