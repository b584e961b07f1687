/** Rows of the picture of a run, from its events: arrows, lines across and texts, each with its importance. Pure. */
import * as Payload from "../../capture/Payload.ts"
import type * as Packet from "../../network/Packet.ts"
import * as TerminalText from "../../network/TerminalText.ts"
import type * as FaultPlan from "../faults/FaultPlan.ts"
import * as FaultPlanClauses from "../faults/FaultPlanClauses.ts"
import type * as Recording from "../Recording.ts"

/** A host of the run. */
export interface Host {
  readonly name: string
  /** Addresses of the host, as IP literals. */
  readonly addresses: ReadonlyArray<string>
}

/** The events of a run and its setting. */
export interface Run {
  readonly events: ReadonlyArray<Recording.Event>
  readonly hosts: ReadonlyArray<Host>
  readonly plan: FaultPlan.FaultPlan
  readonly dissectors?: ReadonlyArray<Packet.Dissector> | undefined
}

interface RowBase {
  /** Virtual nanoseconds. */
  readonly at: number
  readonly text: string
  /** `fault` and `warning` are kept before others; a `fault` has a mark. */
  readonly importance: "fault" | "warning" | "message" | "packet" | "detail"
}

/** A packet from one host to another; `to` is undefined for a group, or an address that no host has. */
export interface Arrow extends RowBase {
  readonly _tag: "Arrow"
  readonly from: string
  readonly to: string | undefined
  readonly isLost: boolean
}

/** An event of all hosts, or of one host for all to see: a crash, a partition. */
interface Line extends RowBase {
  readonly _tag: "Line"
}

/** An event at one host, or of the scenario itself. */
interface Note extends RowBase {
  readonly _tag: "Note"
  readonly host: string | undefined
}

/** A row of the picture. */
export type Row = Arrow | Line | Note

/** Returns the first line of a text, safe to print, with the number of the others. */
const firstLine = (text: string) => {
  const [first = "", ...more] = text.trimEnd().split("\n")
  return TerminalText.escape(more.length === 0 ? first : `${first} (${more.length} more lines)`)
}

/** Returns the name of the host with an address. */
export const namesOf = ({ events, hosts }: Pick<Run, "events" | "hosts">): ReadonlyMap<string, string> => {
  const names = new Map(hosts.flatMap(({ addresses, name }) => addresses.map((address) => [address, name] as const)))
  for (const event of events) {
    if (event._tag === "Packet" && !names.has(event.packet.from.address)) {
      names.set(event.packet.from.address, event.packet.host)
    }
  }
  return names
}

/** Formats a time in seconds with six decimals. */
export const formatSeconds = (nanos: number): string => (nanos / 1e9).toFixed(6)

/** Bytes of a binary payload that are shown in hexadecimal digits. */
const maxHexBytes = 8

const summaryOf = (packet: Packet.ObservedPacket, dissectors: ReadonlyArray<Packet.Dissector>) => {
  const { bytes } = packet
  const summary = Payload.summary(packet, dissectors)
  if (bytes.length === 0 || bytes.length > maxHexBytes || summary !== Payload.byteCount(bytes.length)) return summary
  return `${summary}: ${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ")}`
}

const arrow = (
  { at, packet }: Recording.PacketEvent,
  names: ReadonlyMap<string, string>,
  dissectors: ReadonlyArray<Packet.Dissector>
): Arrow => {
  const { arrives, fault, from, host, lost = false, to } = packet
  const target = from.address === to.address ? host : names.get(to.address)
  const isFaulty = fault !== undefined || lost
  const notes = [
    ...(fault === undefined ? [] : [TerminalText.escape(fault)]),
    ...(lost && fault !== "drop" && fault !== "lost" ? ["lost"] : []),
    ...(isFaulty && arrives !== undefined ? [`arrives ${formatSeconds(Number(arrives))}`] : [])
  ]
  const address = target === undefined ? ` to ${to.address}:${to.port}` : ""
  const note = notes.length === 0 ? "" : `[${notes.join(", ")}] `
  return {
    ...{ _tag: "Arrow", at, from: names.get(from.address) ?? host, to: target, isLost: lost },
    text: `${note}${summaryOf(packet, dissectors)}${address}`,
    importance: isFaulty ? "fault" : "packet"
  }
}

const hostEvents: Readonly<Record<Recording.HostEvent["event"], string>> = {
  start: "starts",
  crash: "crashes",
  restart: "restarts",
  pause: "is paused",
  resume: "resumes",
  jump: "clock jumps",
  drift: "clock drifts"
}

/** Levels of log lines that are kept before others. */
const isWarning = (level: string) => /^(?:warn|error|fatal)/i.test(level)

const diskNote = (event: Recording.DiskEvent): Note => {
  const { at, bytes, fault, host, operation, path } = event
  const isFault = fault !== undefined || operation === "lost" || operation === "torn"
  const size = bytes === 0 ? "" : ` ${Payload.byteCount(bytes)}`
  const note = fault === undefined ? "" : `[${fault}] `
  const text = `${note}disk: ${operation} ${TerminalText.escape(path)}${size}`
  return { _tag: "Note", at, host, text, importance: isFault ? "fault" : "detail" }
}

/** Returns the row of an event; undefined for events that are not shown. */
export const rowOf = (
  event: Recording.Event,
  names: ReadonlyMap<string, string>,
  dissectors: ReadonlyArray<Packet.Dissector>
): Row | undefined => {
  switch (event._tag) {
    case "Packet":
      return arrow(event, names, dissectors)
    case "Log": {
      const text = `${event.level.toLowerCase()}: ${firstLine(event.message)}`
      const importance = isWarning(event.level) ? "warning" : "message"
      return { _tag: "Note", at: event.at, host: event.host, text, importance }
    }
    case "Host": {
      const text = `${event.host} ${hostEvents[event.event]}${event.detail === "" ? "" : ` ${event.detail}`}`
      // Nearly all hosts start with the run.
      if (event.event === "start" && event.at === 0) return undefined
      if (event.event === "start") return { _tag: "Note", at: event.at, host: event.host, text, importance: "detail" }
      return { _tag: "Line", at: event.at, text, importance: "fault" }
    }
    case "Link":
      return { _tag: "Line", at: event.at, text: `${event.event} ${event.detail}`.trimEnd(), importance: "fault" }
    case "Disk":
      return diskNote(event)
    case "Switch": {
      const step = event.step === undefined ? "" : ` in ${TerminalText.escape(event.step)}`
      return {
        _tag: "Note",
        at: event.at,
        host: undefined,
        text: `fiber ${event.fiber} is preempted${step}`,
        importance: "fault"
      }
    }
    case "Reached":
      return {
        _tag: "Note",
        at: event.at,
        host: undefined,
        text: `reached ${JSON.stringify(event.label)}`,
        importance: "detail"
      }
    case "Digest":
      return undefined
  }
}

/** Returns the beginning and the end of the partitions of a plan, which are not events of the run. */
export const partitions = (plan: FaultPlan.FaultPlan, endNanos: number): ReadonlyArray<Line> =>
  plan.flatMap((rule): ReadonlyArray<Line> => {
    if (rule.action !== "partition") return []
    const pair = FaultPlanClauses.formatPair(rule.pair)
    const { from, to } = rule.window ?? { from: 0, to: undefined }
    const line = (at: number, text: string): Line => ({ _tag: "Line", at, text, importance: "fault" })
    return [
      ...(from <= endNanos ? [line(from, `partition ${pair}`)] : []),
      ...(to !== undefined && to <= endNanos ? [line(to, `partition ${pair} ends`)] : [])
    ]
  })

/** Tests if a segment follows another one of its stream at once, and both arrive as they were sent. */
const isContinued = ({ at, packet }: Recording.PacketEvent, next: Recording.PacketEvent) =>
  at === next.at &&
  [packet, next.packet].every(({ fault, kind, lost }) => kind === "data" && fault === undefined && lost !== true) &&
  (["from", "to"] as const).every(
    (end) => packet[end].address === next.packet[end].address && packet[end].port === next.packet[end].port
  )

const joinAll = ([first, ...more]: ReadonlyArray<Recording.PacketEvent>): ReadonlyArray<Recording.Event> => {
  if (first === undefined || more.length === 0) return first === undefined ? [] : [first]
  const payloads = [first, ...more].map(({ packet }) => packet.bytes)
  const bytes = new Uint8Array(payloads.reduce((length, payload) => length + payload.length, 0))
  let at = 0
  for (const payload of payloads) {
    bytes.set(payload, at)
    at += payload.length
  }
  return [{ ...first, packet: { ...first.packet, bytes } }]
}

/** Joins the segments of a stream that were sent at once, so that a message is shown in one row. */
const withJoinedSegments = (events: ReadonlyArray<Recording.Event>): ReadonlyArray<Recording.Event> => {
  const joined: Array<Recording.Event> = []
  let segments: Array<Recording.PacketEvent> = []
  for (const event of events) {
    const last = segments.at(-1)
    if (event._tag === "Packet" && last !== undefined && isContinued(last, event)) segments.push(event)
    else {
      joined.push(...joinAll(segments))
      segments = event._tag === "Packet" ? [event] : []
      if (event._tag !== "Packet") joined.push(event)
    }
  }
  return [...joined, ...joinAll(segments)]
}

/** Returns the rows of a run, in the order of their times. */
export const make = (run: Run, endNanos: number): ReadonlyArray<Row> => {
  const names = namesOf(run)
  const rows = withJoinedSegments(run.events).flatMap((event) => rowOf(event, names, run.dissectors ?? []) ?? [])
  const lines = partitions(run.plan, endNanos)
  // Sorting is stable: events of one instant keep their order, and a partition comes before them.
  return lines.length === 0 ? rows : [...lines, ...rows].sort((a, b) => a.at - b.at)
}
