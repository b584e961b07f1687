/** Fields of the TCP analysis for display filters, with the names of Wireshark: `tcp.analysis.retransmission`. Pure. */
import type * as TcpAnalysis from "../../../../capture/analysis/TcpAnalysis.ts"
import * as TcpNote from "../../../../capture/analysis/TcpNote.ts"
import { BoundedMap } from "../../../../capture/BoundedMap.ts"
import type * as DisplayFilter from "../../../../capture/filter/DisplayFilter.ts"
import type { FieldTable, FieldValue } from "../../../../network/dissect/FieldDissector.ts"

const noteFields: FieldTable = Object.fromEntries(
  TcpNote.all
    .filter((kind) => kind !== "reset")
    .map((kind) => [TcpNote.kinds[kind].filter, ["boolean", `Note: ${TcpNote.kinds[kind].text}`] as const])
)

const fields: FieldTable = {
  ...noteFields,
  "tcp.analysis.flags": ["boolean", "Any note on the segment"],
  "tcp.analysis.duplicate_ack_num": ["number", "Count of a duplicate ACK, from 1"],
  "tcp.analysis.ack_rtt": ["seconds", "Time since the segment that this one acknowledges"],
  "tcp.analysis.initial_rtt": ["seconds", "Time from the SYN to the end of the handshake"]
}

/** The fields as those of a protocol, for the parser of filters. */
export const protocol: DisplayFilter.Protocol = { name: "tcp.analysis", fields }

type Field = readonly [name: string, value: FieldValue]

const listOf = (analysis: TcpAnalysis.Analysis): Array<Field> => {
  const found: Array<Field> = []
  for (const note of analysis.notes) {
    if (note.kind === "reset") continue
    found.push([TcpNote.kinds[note.kind].filter, true], ["tcp.analysis.flags", true])
    // As in Wireshark, where they are kinds of retransmissions.
    if (TcpNote.isRetransmission(note)) found.push([TcpNote.kinds.retransmission.filter, true])
    if (note.duplicate !== undefined) found.push(["tcp.analysis.duplicate_ack_num", note.duplicate])
  }
  if (analysis.rttNanos !== undefined) found.push(["tcp.analysis.ack_rtt", analysis.rttNanos])
  return found
}

/** Maximum number of connections whose handshake is remembered. */
const maxConnections = 50_000

const none: ReadonlyArray<Field> = []

/** Returns whether Wireshark has an analysis of a segment: it has data, acknowledges a segment, or has a note. */
const isAnalysed = ({ length, notes, rttNanos }: TcpAnalysis.Analysis) =>
  length > 0 || rttNanos !== undefined || notes.some(({ kind }) => kind !== "reset")

/** Creates a function that returns the fields of the packets of one capture: call it with each of them in order. */
export const make = (): ((packet: TcpAnalysis.Packet, analysis?: TcpAnalysis.Analysis) => ReadonlyArray<Field>) => {
  // As in Wireshark, the packets from the end of the handshake on have its time.
  const handshakes = new BoundedMap<number, bigint>(maxConnections)
  return (packet, analysis) => {
    if (analysis === undefined) return none
    const found = listOf(analysis)
    if (packet.tcp === undefined) return found
    if (analysis.handshakeNanos !== undefined) handshakes.set(analysis.stream, analysis.handshakeNanos)
    const handshakeNanos = handshakes.get(analysis.stream)
    if (handshakeNanos !== undefined && isAnalysed(analysis)) found.push(["tcp.analysis.initial_rtt", handshakeNanos])
    return found
  }
}

/** Adds fields to the details of a packet. */
export const withFields = (
  details: DisplayFilter.PacketDetails,
  added: ReadonlyArray<Field>
): DisplayFilter.PacketDetails =>
  added.length === 0
    ? details
    : { ...details, fields: new Map([...details.fields, ...added.map(([name, value]) => [name, [value]] as const)]) }
