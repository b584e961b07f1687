/**
 * Notes on TCP segments, as the expert information of Wireshark: what a segment says about losses, reordering and
 * windows.
 *
 * **Example** (A note as text)
 *
 * ```ts
 * import { TcpNote } from "effect-inet/capture"
 *
 * TcpNote.format({ kind: "fastRetransmission" }) // => "fast retransmission"
 * TcpNote.format({ kind: "duplicateAck", duplicate: 2, of: 14 }) // => "duplicate ACK 2 of packet 14"
 * TcpNote.kinds.zeroWindow.filter // => "tcp.analysis.zero_window"
 * ```
 */

/** Severity of a note, as in Wireshark: usual, notable or a warning. @category models @since 0.1.0 */
export type Severity = "chat" | "note" | "warning"

/** Description of a kind of note. @category models @since 0.1.0 */
export interface Description {
  readonly text: string
  readonly severity: Severity
  /** Display filter of Wireshark that finds the packets with this note. */
  readonly filter: string
}

const describe = (text: string, severity: Severity, field: string): Description => ({
  text,
  severity,
  filter: `tcp.analysis.${field}`
})

/** Kinds of notes with their descriptions, those of losses first. @category constants @since 0.1.0 */
export const kinds = {
  retransmission: describe("retransmission", "note", "retransmission"),
  fastRetransmission: describe("fast retransmission", "note", "fast_retransmission"),
  spuriousRetransmission: describe("spurious retransmission", "note", "spurious_retransmission"),
  outOfOrder: describe("out of order", "warning", "out_of_order"),
  lostSegment: describe("previous segment not captured", "warning", "lost_segment"),
  ackLostSegment: describe("acknowledges a segment that was not captured", "warning", "ack_lost_segment"),
  duplicateAck: describe("duplicate ACK", "note", "duplicate_ack"),
  zeroWindow: describe("zero window", "warning", "zero_window"),
  windowFull: describe("window full", "warning", "window_full"),
  windowUpdate: describe("window update", "chat", "window_update"),
  zeroWindowProbe: describe("zero window probe", "note", "zero_window_probe"),
  zeroWindowProbeAck: describe("zero window probe ACK", "note", "zero_window_probe_ack"),
  keepAlive: describe("keep-alive", "note", "keep_alive"),
  keepAliveAck: describe("keep-alive ACK", "note", "keep_alive_ack"),
  reusedPorts: describe("port numbers reused", "note", "reused_ports"),
  reset: { text: "reset", severity: "warning", filter: "tcp.flags.reset == 1" }
} as const satisfies Readonly<Record<string, Description>>

/** Kind of a note. @category models @since 0.1.0 */
export type Kind = keyof typeof kinds

/** All kinds, in the order of `kinds`. @category constants @since 0.1.0 */
export const all = Object.keys(kinds) as ReadonlyArray<Kind>

/** A note on a segment. @category models @since 0.1.0 */
export interface TcpNote {
  readonly kind: Kind
  /** Of a duplicate ACK: its count, from 1. */
  readonly duplicate?: number
  /** Of a duplicate ACK: number of the packet with the first ACK; of others, of the packet that is sent again. */
  readonly of?: number
}

/** Returns whether a note says that data was sent again. @category guards @since 0.1.0 */
export const isRetransmission = ({ kind }: TcpNote): boolean =>
  kind === "retransmission" || kind === "fastRetransmission" || kind === "spuriousRetransmission"

/** Formats a note. @category formatting @since 0.1.0 */
export const format = ({ duplicate, kind, of }: TcpNote): string => {
  const { text } = kinds[kind]
  const counted = duplicate === undefined ? text : `${text} ${duplicate}`
  return of === undefined ? counted : `${counted} of packet ${of}`
}
