/** Packets as lines of text and as JSON. Pure. */
import type * as TcpAnalysis from "../../../../capture/analysis/TcpAnalysis.ts"
import * as TcpNote from "../../../../capture/analysis/TcpNote.ts"
import * as CaptureReader from "../../../../capture/CaptureReader.ts"
import type * as PacketDissector from "../../../../capture/dissect/PacketDissector.ts"
import * as Ip from "../../../../capture/Ip.ts"
import * as Payload from "../../../../capture/Payload.ts"
import * as Units from "../../../../capture/view/Units.ts"
import type * as Endpoint from "../../../../network/Endpoint.ts"
import type * as Packet from "../../../../network/Packet.ts"
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

/** Returns the protocol of the last message that a packet completes, such as `tftp`; undefined without any. */
export const applicationOf = ({ details, packet }: Analysed): string | undefined =>
  packet.protocol === "TCP" || packet.protocol === "UDP" ? details?.messages.at(-1)?.protocol : undefined

/** A length at the end of the summary of a message, which counts the bytes in the capture. */
const lastLength = /(\d+) bytes?$/

/** Corrects the length in the summary of a message of which the capture lacks the end. */
const withMissingBytes = ({ kind, summary }: PacketDissector.Message, missingBytes: number): string =>
  kind === "ERROR"
    ? summary
    : summary.replace(
        lastLength,
        (_, captured: string) => `${Payload.byteCount(Number(captured) + missingBytes)}, ${captured} of them captured`
      )

/** Maximum number of messages of a packet that its summary has. */
const maxShownMessages = 10

/** Returns the messages that a packet completes, the first ones of many; undefined without any. */
const messagesOf = ({ details, packet }: Analysed): string | undefined => {
  const messages = details?.messages ?? []
  const { missingBytes = 0, protocol } = packet
  const isCut = protocol === "UDP" && missingBytes > 0
  if (messages.length === 0) return undefined
  const shown = messages
    .slice(0, maxShownMessages)
    .map((one) => (isCut ? withMissingBytes(one, missingBytes) : one.summary))
  const rest = messages.length - shown.length
  const more = rest === 0 ? [] : [`and ${Units.counted(rest, "more message")}`]
  return TerminalText.escape([...shown, ...more].join("; "))
}

/** Flags in the order in which they are named. */
const flagNames = [
  ["FIN", Ip.flag.fin],
  ["SYN", Ip.flag.syn],
  ["RST", Ip.flag.rst],
  ["PSH", Ip.flag.psh],
  ["ACK", Ip.flag.ack],
  ["URG", 0x20],
  ["ECE", 0x40],
  ["CWR", 0x80]
] as const

/** Flags that say nothing beside data. */
const flagsOfData = Ip.flag.psh | Ip.flag.ack

/** Returns the flags and the data of a segment. */
const segmentOf = (packet: Packet.Packet, { flags }: Ip.TcpHeader, missingBytes: number): string => {
  const names = flagNames.filter(([, bit]) => (flags & bit) !== 0).map(([name]) => name)
  const hasData = packet.bytes.length + missingBytes > 0
  const shown = hasData && (flags & ~flagsOfData) === 0 ? [] : names
  const data = hasData ? [Payload.summary({ ...packet, kind: "data" }, [], missingBytes)] : []
  return [...shown, ...data].join(", ") || "no flags"
}

/** Returns the packet in a few words, for a diagram. */
export const shortSummaryOf = (analysed: Analysed): string => {
  const { missingBytes = 0, payload, tcp } = analysed.packet
  const messages = messagesOf(analysed)
  if (messages !== undefined) return messages
  const packet = CaptureReader.toObservedPacket(analysed.packet)
  if (packet === undefined) return Payload.byteCount(payload.length + missingBytes)
  return tcp === undefined ? Payload.summary(packet, [], missingBytes) : segmentOf(packet, tcp, missingBytes)
}

/** Returns the numbers of a TCP segment without a message: relative ones, and the window as in the packet. */
const numbersOf = ({ details, packet: { tcp } }: Analysed): string => {
  if (details === undefined || tcp === undefined || details.messages.length > 0) return ""
  const [seq] = details.fields.get("tcp.seq") ?? []
  const [ack] = details.fields.get("tcp.ack") ?? []
  if (seq === undefined || ack === undefined) return ""
  return `  seq ${seq}${(tcp.flags & Ip.flag.ack) === 0 ? "" : ` ack ${ack}`} win ${tcp.window}`
}

/** Returns the packet in one line. */
export const summaryOf = (analysed: Analysed): string => `${shortSummaryOf(analysed)}${numbersOf(analysed)}`

/** Returns whether a note is about a checksum that the sender left to its network card. */
const isOffload = (note: string) => note.endsWith("checksum not filled in (offload)")

/** Returns whether a packet has a checksum that the sender left to its network card. */
export const hasOffload = ({ packet }: Analysed): boolean => packet.notes?.some(isOffload) === true

const notesOf = ({ analysis, packet }: Analysed): ReadonlyArray<string> => [
  ...(packet.notes ?? []),
  // A reset is in the summary already.
  ...(analysis?.notes ?? []).filter(({ kind }) => kind !== "reset").map(TcpNote.format)
]

const bracketed = (note: string) => ` [${TerminalText.escape(note)}]`

/** Columns of the protocol and the length. */
const amountColumns = 12

/** Formats a packet as a line, without its end. `startNanos` is the time of the first packet. */
export const line = (analysed: Analysed, startNanos: bigint): string => {
  const { at, comments, from, missingBytes = 0, payload, problems, protocol, to } = analysed.packet
  const ends = from === undefined || to === undefined ? "" : `${formatEndpoint(from)} > ${formatEndpoint(to)}`
  // On a loopback interface nearly all packets have it.
  const notes = notesOf(analysed).filter((note) => !isOffload(note))
  const remarks =
    comments.length + problems.length + notes.length === 0
      ? ""
      : [...comments, ...problems, ...notes].map(bracketed).join("")
  const name = applicationOf(analysed)?.toUpperCase() ?? protocol
  const length = `${payload.length + missingBytes}`
  const amount = `${name}${length.padStart(Math.max(length.length + 2, amountColumns - name.length))}`
  return `${formatSeconds(at - startNanos).padStart(13)}  ${ends}  ${amount}  ${summaryOf(analysed)}${remarks}`
}

/** Formats a value as JSON in one line that is safe for a terminal: an escape in JSON is the same character. */
export const safeJson = (value: unknown): string => TerminalText.escape(JSON.stringify(value))

/** Formats a packet as JSON, without the end of the line. */
export const json = (analysed: Analysed, startNanos: bigint): string => {
  const { analysis, packet } = analysed
  const { ack, flags, seq } = packet.tcp ?? {}
  const { at, comments, from, host, layers, missingBytes = 0, originalLength, payload, problems, protocol, to } = packet
  return safeJson({
    number: packet.number,
    time: formatSeconds(at - startNanos),
    at: `${at}`,
    host,
    protocol,
    application: applicationOf(analysed),
    layers,
    stream: analysis?.stream,
    from,
    to,
    length: payload.length + missingBytes,
    missing: missingBytes === 0 ? undefined : missingBytes,
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
