/** Events of a run as the page shows them. Pure. */
import * as Packet from "../../../network/Packet.ts"
import * as TerminalText from "../../../network/TerminalText.ts"
import type * as Recording from "../../Recording.ts"
import * as EventRows from "../EventRows.ts"
import type { Kind, PageEvent } from "./PageData.ts"

/** Bytes of a packet that are in the page. */
const maxPacketBytes = 1_024

/** Characters of a state, or of a log line, that are in the page. */
const maxContentChars = 8_000

/** Characters of the text of an event: a dissector may return the whole payload. */
const maxTextChars = 200

/** Bytes of packets and characters of texts that are in the page in all; the last events get them first. */
const maxTotalBytes = 4_000_000

/** Facts of a run that its events are shown with. */
interface Context {
  readonly names: ReadonlyMap<string, string>
  readonly dissectors: ReadonlyArray<Packet.Dissector>
}

const kinds: Readonly<Record<Recording.Event["_tag"], Kind>> = {
  Packet: "packet",
  Log: "log",
  Host: "host",
  Link: "link",
  Disk: "disk",
  Switch: "switch",
  Digest: "state",
  Reached: "reached"
}

/** Encodes bytes as base64. */
const encodeBase64 = (bytes: Uint8Array): string => {
  let binary = ""
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}

const utf8 = new TextDecoder()

const truncate = (text: string) => TerminalText.truncate(TerminalText.escapeLines(text), maxContentChars)

const packetFields = (event: Recording.PacketEvent, { dissectors, names }: Context): Partial<PageEvent> => {
  const { arrives, bytes, fault, from, host, kind, lost, to, transport } = event.packet
  const target = from.address === to.address ? host : names.get(to.address)
  return {
    host: names.get(from.address) ?? host,
    ...(target === undefined ? {} : { to: target }),
    ...(lost === true ? { isLost: true } : {}),
    ...(fault === undefined ? {} : { fault: TerminalText.escape(fault) }),
    ...(arrives === undefined ? {} : { arrives: Number(arrives) }),
    type: TerminalText.escape(Packet.dissect(dissectors, event.packet)?.kind ?? kind),
    detail: `${transport} ${kind}, ${from.address}:${from.port} to ${to.address}:${to.port}`,
    size: bytes.length
  }
}

/** Returns the fields that only events of this kind have. */
const fieldsOf = (event: Recording.Event, context: Context): Partial<PageEvent> => {
  switch (event._tag) {
    case "Packet":
      return packetFields(event, context)
    case "Log":
      return { ...(event.host === undefined ? {} : { host: event.host }), type: event.level.toLowerCase() }
    case "Host":
      return { host: event.host, change: event.event }
    case "Link":
    case "Reached":
      return {}
    case "Disk":
      return {
        ...{ host: event.host, type: event.operation, detail: TerminalText.escape(event.path), size: event.bytes },
        ...(event.fault === undefined ? {} : { fault: event.fault })
      }
    case "Switch": {
      const step = event.step === undefined ? [] : [`step ${TerminalText.escape(event.step)}`]
      return { detail: [`decision ${event.point}, choice ${event.choice}`, ...step].join(", ") }
    }
    case "Digest":
      return { ...(event.host === undefined ? {} : { host: event.host }), label: TerminalText.escape(event.label) }
  }
}

const textOf = (event: Recording.Event): string => {
  if (event._tag === "Digest") {
    const start = utf8.decode(event.bytes.subarray(0, maxTextChars))
    return TerminalText.escape(`state ${event.label}: ${start}`)
  }
  return event._tag === "Host" ? `${event.host} starts` : ""
}

/** Returns an event as the page shows it, without the bytes of packets and the contents of states. */
export const make = (event: Recording.Event, context: Context): PageEvent => {
  const row = EventRows.rowOf(event, context.names, context.dissectors)
  const isWarning = row?.importance === "warning"
  const fields = fieldsOf(event, context)
  return {
    ...{ kind: kinds[event._tag], at: event.at },
    text: TerminalText.truncate(row?.text ?? textOf(event), maxTextChars),
    ...(row?.importance === "fault" ? { isFault: true } : {}),
    ...(isWarning ? { isWarning } : {}),
    ...fields,
    ...(fields.host === undefined ? {} : { host: TerminalText.escape(fields.host) }),
    ...(fields.to === undefined ? {} : { to: TerminalText.escape(fields.to) })
  }
}

/** Returns the partitions of the plan of a run as events: they are not in its record. */
export const partitions = (run: Pick<EventRows.Run, "plan">, endNanos: number): ReadonlyArray<PageEvent> =>
  EventRows.partitions(run.plan, endNanos).map(({ at, text }) => ({ kind: "link", at, text, isFault: true }))

/** Returns the content of an event that is too large for its line. */
const contentOf = (event: Recording.Event): Pick<PageEvent, "bytes" | "content"> => {
  switch (event._tag) {
    case "Packet":
      return event.packet.bytes.length === 0 ? {} : { bytes: encodeBase64(event.packet.bytes.slice(0, maxPacketBytes)) }
    case "Digest":
      return { content: truncate(utf8.decode(event.bytes)) }
    case "Log":
      return event.message.trimEnd().includes("\n") ? { content: truncate(event.message) } : {}
    default:
      return {}
  }
}

/** An event in the page, and the recorded one that it is made from. */
export interface Made {
  readonly event: PageEvent
  /** Undefined for what is in no record, such as the end of the run. */
  readonly from: Recording.Event | undefined
}

/** Adds the contents to events, from the last one on as long as there is room. */
export const withContents = (events: ReadonlyArray<Made>): ReadonlyArray<PageEvent> => {
  let room = maxTotalBytes
  return events
    .toReversed()
    .map(({ event, from }) => {
      if (from === undefined || room <= 0) return event
      const content = contentOf(from)
      room -= (content.bytes?.length ?? 0) + (content.content?.length ?? 0)
      return { ...event, ...content }
    })
    .reverse()
}
