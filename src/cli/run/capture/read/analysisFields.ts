/** Fields of the TCP analysis for display filters, with the names of Wireshark: `tcp.analysis.retransmission`. Pure. */
import type * as TcpAnalysis from "../../../../capture/analysis/TcpAnalysis.ts"
import * as TcpNote from "../../../../capture/analysis/TcpNote.ts"
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
  "tcp.analysis.initial_rtt": ["seconds", "Time from the SYN to this segment, which completes the handshake"]
}

/** The fields as those of a protocol, for the parser of filters. */
export const protocol: DisplayFilter.Protocol = { name: "tcp.analysis", fields }

const listOf = (analysis: TcpAnalysis.Analysis): ReadonlyArray<readonly [name: string, value: FieldValue]> => {
  const found: Array<readonly [name: string, value: FieldValue]> = []
  for (const note of analysis.notes) {
    if (note.kind === "reset") continue
    found.push([TcpNote.kinds[note.kind].filter, true], ["tcp.analysis.flags", true])
    // As in Wireshark, where they are kinds of retransmissions.
    if (TcpNote.isRetransmission(note)) found.push([TcpNote.kinds.retransmission.filter, true])
    if (note.duplicate !== undefined) found.push(["tcp.analysis.duplicate_ack_num", note.duplicate])
  }
  if (analysis.rttNanos !== undefined) found.push(["tcp.analysis.ack_rtt", analysis.rttNanos])
  if (analysis.handshakeNanos !== undefined) found.push(["tcp.analysis.initial_rtt", analysis.handshakeNanos])
  return found
}

/** Adds the fields of an analysis to the details of a packet. */
export const withAnalysis = (
  details: DisplayFilter.PacketDetails,
  analysis: TcpAnalysis.Analysis | undefined
): DisplayFilter.PacketDetails => {
  const added = analysis === undefined ? [] : listOf(analysis)
  if (added.length === 0) return details
  return { ...details, fields: new Map([...details.fields, ...added.map(([name, value]) => [name, [value]] as const)]) }
}
