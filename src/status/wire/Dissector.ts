/** Dissector of status packets: one line per packet, for captures and fault plans. Pure. */
import * as Result from "effect/Result"
import * as FieldDissector from "../../network/dissect/FieldDissector.ts"
import type * as Packet from "../../network/Packet.ts"
import * as TerminalText from "../../network/TerminalText.ts"
import * as Transport from "../transport/Transport.ts"
import * as CoursePacket from "./CoursePacket.ts"
import * as RelayMessage from "./RelayMessage.ts"
import * as StatusPacket from "./StatusPacket.ts"

/** Quotes a text that contains blanks, so that its end is visible. */
const quoteIfNeeded = (text: string) => (/[\s"]/.test(text) || text === "" ? JSON.stringify(text) : text)

const formatByteCount = (length: number) => (length === 1 ? "1 byte" : `${length} bytes`)

const dissectStatus = (bytes: Uint8Array): Packet.Dissection | undefined => {
  const decoded = Result.getOrUndefined(StatusPacket.decode(bytes))
  if (decoded === undefined) return undefined
  const { packet, signed } = decoded
  const kind = packet.goodbye ? "GOODBYE" : "STATUS"
  const facts = [
    `${kind} ${quoteIfNeeded(packet.name)} #${packet.sequence}`,
    `id ${packet.id}`,
    ...(packet.cluster === "" ? [] : [`cluster ${quoteIfNeeded(packet.cluster)}`]),
    `every ${packet.interval} ms`,
    formatByteCount(packet.payload.length),
    ...(signed === undefined ? [] : ["signed"])
  ]
  return { kind, summary: facts.join(", ") }
}

/** Upper limit of a plausible screen position, in characters or pixels. */
const maxScreenCoordinate = 10_000

const isOnScreen = (value: number) => Math.abs(value) < maxScreenCoordinate

/**
 * Returns true if a packet is probably the course's, which has no magic. Its name must be text, and either its position
 * or its port must be plausible.
 */
const isLikelyCourse = ({ name, x, y }: CoursePacket.CoursePacket, { from, to }: Packet.Packet) =>
  !/[\p{Cc}\ufffd]/u.test(name) &&
  ((isOnScreen(x) && isOnScreen(y)) || from.port === Transport.defaultPort || to.port === Transport.defaultPort)

const dissectCourse = (packet: Packet.Packet): Packet.Dissection | undefined => {
  const decoded = CoursePacket.decode(packet.bytes)
  if (decoded === undefined || !isLikelyCourse(decoded, packet)) return undefined
  return { kind: "COURSE", summary: `COURSE ${quoteIfNeeded(decoded.name)} at ${decoded.x},${decoded.y}` }
}

const dissectHeartbeat = (packet: Packet.Packet) =>
  StatusPacket.isStatus(packet.bytes) ? dissectStatus(packet.bytes) : dissectCourse(packet)

const dissectRelay = (packet: Packet.Packet): Packet.Dissection | undefined => {
  const message = RelayMessage.decode(packet.bytes)
  if (message === undefined) return undefined
  if (message._tag === "Forwarded") {
    const { origin, packet: bytes } = message
    const summary = dissectHeartbeat({ ...packet, from: origin, bytes })?.summary ?? formatByteCount(bytes.length)
    return { kind: "FORWARD", summary: `FORWARD from ${origin.address} port ${origin.port}: ${summary}` }
  }
  const kind = message._tag.toUpperCase()
  const hasLease = kind === "SUBSCRIBE" || kind === "GRANTED"
  return { kind, summary: hasLease ? `${kind} for ${message.lease} ms` : kind }
}

/**
 * Recognizes status packets on any UDP port. Kinds are `STATUS`, `GOODBYE` and `COURSE` (72 bytes that are probably the
 * course's), and those of a relay: `SUBSCRIBE`, `CHALLENGE`, `GRANTED`, `FULL`, `LEAVE` and `FORWARD`. Summaries are
 * safe to print, such as `STATUS web1 #42, id 00c0ffee00c0ffee, every 1000 ms, 118 bytes` and `COURSE bob at 40,12`.
 *
 * @category constants
 * @since 0.1.0
 */
export const dissector: Packet.Dissector = {
  name: "status",
  dissect: (packet) => {
    if (packet.transport !== "udp") return undefined
    const found = dissectHeartbeat(packet) ?? dissectRelay(packet)
    return found === undefined ? undefined : { ...found, summary: TerminalText.escape(found.summary) }
  }
}

const fieldsOf = ({ bytes }: Packet.Packet): ReadonlyArray<FieldDissector.Field> => {
  const decoded = StatusPacket.isStatus(bytes) ? Result.getOrUndefined(StatusPacket.decode(bytes)) : undefined
  if (decoded === undefined) return []
  const { cluster, interval, name, sequence } = decoded.packet
  return [
    ["status.name", name],
    ["status.cluster", cluster],
    ["status.sequence", sequence],
    ["status.interval", interval]
  ]
}

/**
 * The dissector of status packets with fields for display filters, on any UDP port.
 *
 * @category constants
 * @since 0.1.0
 */
export const fieldDissector: FieldDissector.FieldDissector = FieldDissector.make({
  name: dissector.name,
  ports: { udp: [Transport.defaultPort] },
  fields: {
    "status.name": ["text", "Name of the host"],
    "status.cluster": ["text", "Cluster of the host"],
    "status.sequence": ["number", "Number of the packet"],
    "status.interval": ["number", "Time between packets, in milliseconds"]
  },
  decode: (packet) => {
    const found = dissector.dissect(packet)
    return found === undefined ? undefined : { ...found, fields: fieldsOf(packet) }
  },
  recognizes: (packet) => dissector.dissect(packet) !== undefined
})
