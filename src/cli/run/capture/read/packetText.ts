/** Packets as lines of text and as JSON. Pure. */
import type * as TcpAnalysis from "../../../../capture/analysis/TcpAnalysis.ts"
import * as TcpNote from "../../../../capture/analysis/TcpNote.ts"
import * as CaptureReader from "../../../../capture/CaptureReader.ts"
import type * as PacketDissector from "../../../../capture/dissect/PacketDissector.ts"
import * as Payload from "../../../../capture/Payload.ts"
import type * as Endpoint from "../../../../network/Endpoint.ts"
import * as TerminalText from "../../../../network/TerminalText.ts"

/** A packet with what the analysis says about it. */
export interface Analysed {
  readonly packet: CaptureReader.CapturedPacket
  readonly analysis: TcpAnalysis.Analysis | undefined
  /** Messages of the payload; undefined if the output does not show it. */
  readonly details?: PacketDissector.PacketDetails | undefined
}

/** Formats an endpoint; a port of 0 is none. */
export const formatEndpoint = ({ address, port }: Endpoint.Endpoint): string => {
  const host = address.includes(":") && port !== 0 ? `[${address}]` : address
  return port === 0 ? host : `${host}:${port}`
}

/** Formats a time in seconds with nine decimals. */
export const formatSeconds = (nanoseconds: bigint): string => {
  const digits = `${nanoseconds < 0n ? -nanoseconds : nanoseconds}`.padStart(10, "0")
  return `${nanoseconds < 0n ? "-" : ""}${digits.slice(0, -9)}.${digits.slice(-9)}`
}

/** Returns the messages that a packet completes; undefined without any. */
const messagesOf = (details: PacketDissector.PacketDetails | undefined): string | undefined => {
  const messages = details?.messages ?? []
  return messages.length === 0 ? undefined : messages.map(({ summary }) => summary).join("; ")
}

/** Returns the packet in one line. */
export const summaryOf = ({ details, packet: captured }: Analysed) => {
  const messages = messagesOf(details)
  if (messages !== undefined) return TerminalText.escape(messages)
  const packet = CaptureReader.toObservedPacket(captured)
  return packet === undefined ? Payload.byteCount(captured.payload.length) : Payload.summary(packet)
}

const notesOf = ({ analysis, packet }: Analysed): ReadonlyArray<string> => [
  ...(packet.notes ?? []),
  // A reset is in the summary already.
  ...(analysis?.notes ?? []).filter(({ kind }) => kind !== "reset").map(TcpNote.format)
]

const bracketed = (note: string) => ` [${TerminalText.escape(note)}]`

/** Formats a packet as a line, without its end. `startNanos` is the time of the first packet. */
export const line = (analysed: Analysed, startNanos: bigint): string => {
  const { at, comments, from, payload, problems, protocol, to } = analysed.packet
  const ends = from === undefined || to === undefined ? "" : `${formatEndpoint(from)} > ${formatEndpoint(to)}`
  const notes = notesOf(analysed)
  const remarks =
    comments.length + problems.length + notes.length === 0
      ? ""
      : [...comments, ...problems, ...notes].map(bracketed).join("")
  const columns = `${formatSeconds(at - startNanos).padStart(13)}  ${ends}  ${protocol.padEnd(4)}`
  return `${columns}  ${`${payload.length}`.padStart(6)}  ${summaryOf(analysed)}${remarks}`
}

/** Formats a packet as JSON, without the end of the line. */
export const json = (analysed: Analysed, startNanos: bigint): string => {
  const { analysis, packet } = analysed
  const { ack, flags, seq } = packet.tcp ?? {}
  const { at, comments, from, host, layers, originalLength, payload, problems, protocol, to } = packet
  return JSON.stringify({
    number: packet.number,
    time: formatSeconds(at - startNanos),
    at: `${at}`,
    host,
    protocol,
    layers,
    stream: analysis?.stream,
    from,
    to,
    length: payload.length,
    frame: originalLength,
    seq,
    ack,
    flags,
    summary: summaryOf(analysed),
    comments,
    problems,
    notes: notesOf(analysed),
    analysis: analysis?.notes.map(({ kind }) => kind),
    acknowledges: analysis?.acknowledges,
    rtt: analysis?.rttNanos === undefined ? undefined : formatSeconds(analysis.rttNanos)
  })
}
