/** Comparison of two runs of one seed: by their events, in order, and by their results. */
import * as Exit from "effect/Exit"
import * as TerminalText from "../../network/TerminalText.ts"
import * as FaultPlanClauses from "../faults/FaultPlanClauses.ts"
import * as FaultRandom from "../faults/FaultRandom.ts"
import type * as Recording from "../Recording.ts"
import type * as Simulation from "../Simulation.ts"
import * as CanonicalText from "./CanonicalText.ts"
import * as EventLog from "./EventLog.ts"

/** Difference between two runs. */
interface Difference {
  /** The difference, in a part of a sentence. */
  readonly at: string
  /** Lines with the content of each run there; empty if the sentence says all. */
  readonly lines: ReadonlyArray<string>
}

/** Comparison of the runs of one seed. */
export interface RunComparison {
  /** Recorder of the first run. */
  readonly first: Recording.Recorder
  /** Recorder of the second run. */
  readonly second: Recording.Recorder
  /** Returns the first difference, once both runs have ended. */
  readonly difference: (first: Result, second: Result) => Difference | undefined
}

/** Parts of a report that are compared. */
export type Result = Pick<Simulation.Report<unknown, unknown>, "outcome" | "exit" | "time">

const [firstLabel, secondLabel] = ["first run ", "second run"]

/** Bytes of a differing part that are shown. */
const shownBytes = 16

/** Characters of a differing text that are shown. */
const shownChars = 80

/** Characters shown before a difference. */
const contextChars = 24

const formatBytes = (bytes: Uint8Array, from: number): string => {
  const part = bytes.subarray(from, from + shownBytes)
  if (part.length === 0) return "(end)"
  const hex = Array.from(part, (byte) => byte.toString(16).padStart(2, "0")).join(" ")
  const text = Array.from(part, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".")).join("")
  const more = bytes.length - from - part.length
  return `${hex.padEnd(3 * shownBytes - 1)}  "${text}"${more > 0 ? ` ... ${more} more` : ""}`
}

/** Returns the offset of the first byte that differs; undefined if none does. */
const firstDifferentByte = (one: Uint8Array, other: Uint8Array): number | undefined => {
  const length = Math.min(one.length, other.length)
  for (let at = 0; at < length; at++) if (one[at] !== other[at]) return at
  return one.length === other.length ? undefined : length
}

const sizes = (one: number, other: number) =>
  one === other ? `of ${one}` : `the first run has ${one} bytes, the second ${other}`

/** Describes different bytes: the offset, and both sides in hexadecimal digits and as text. */
const differentBytes = (subject: string, one: Uint8Array, other: Uint8Array, at: number): Difference => ({
  at: `${subject} differs from byte ${at} (${sizes(one.length, other.length)})`,
  lines: [`${firstLabel}  ${formatBytes(one, at)}`, `${secondLabel}  ${formatBytes(other, at)}`]
})

const window = (text: string, from: number) => {
  const part = text.slice(from, from + shownChars)
  return TerminalText.escape(`${from > 0 ? "..." : ""}${part}${from + shownChars < text.length ? "..." : ""}`)
}

/** Describes different texts, around the first difference. */
const differentTexts = (subject: string, one: string, other: string): Difference => {
  let at = 0
  while (at < one.length && one[at] === other[at]) at++
  const from = Math.max(0, one.length <= shownChars && other.length <= shownChars ? 0 : at - contextChars)
  return {
    at: subject,
    lines: [`${firstLabel}  ${window(one, from)}`, `${secondLabel}  ${window(other, from)}`]
  }
}

const time = (nanos: number) => FaultPlanClauses.formatNanos(nanos)

const formatPacket = ({ packet: { arrives, bytes, fault, from, kind, lost, to } }: Recording.PacketEvent) => {
  const arrival = lost === true ? "lost" : arrives === undefined ? "" : `arrives at ${time(Number(arrives))}`
  const notes = [`${bytes.length} bytes`, fault ?? "", arrival].filter((note) => note !== "").join(", ")
  return `${kind} ${from.address}:${from.port} to ${to.address}:${to.port} (${notes})`
}

/** Formats an event as one line, without its time. */
const formatEvent = (event: Recording.Event): string => {
  switch (event._tag) {
    case "Packet":
      return formatPacket(event)
    case "Log":
      return `log ${event.level} ${event.host ?? "scenario"}: ${TerminalText.escape(event.message)}`
    case "Host":
      return `${event.event} of ${event.host}${event.detail === "" ? "" : ` (${event.detail})`}`
    case "Link":
      return `${event.event} ${event.detail}`.trimEnd()
    case "Disk": {
      const fault = event.fault === undefined ? "" : `, ${event.fault}`
      return `disk of ${event.host}: ${event.operation} ${event.path} (${event.bytes} bytes${fault})`
    }
    case "Switch":
      return `switch ${event.point}:${event.choice} to ${event.fiber}`
    case "Digest":
      return `digest ${JSON.stringify(event.label)} of ${event.host ?? "the scenario"}`
    case "Reached":
      return `reached ${JSON.stringify(event.label)}`
  }
}

const nameOf = (event: Recording.Event, counts: Readonly<Record<string, number>>): string => {
  const count = counts[event._tag]!
  switch (event._tag) {
    case "Packet": {
      const { from, kind, to } = event.packet
      return `packet ${count}, ${kind} ${from.address}:${from.port} to ${to.address}:${to.port} at ${time(event.at)},`
    }
    case "Log":
      return `log line ${count} at ${time(event.at)}`
    case "Digest":
      return `${formatEvent(event)} at ${time(event.at)}`
    default:
      return `event at ${time(event.at)}`
  }
}

/** Returns the key of an event without its bytes. */
const keyOf = (event: Recording.Event): string => `${event.at} ${formatEvent(event)}`

const noBytes = new Uint8Array(0)

const bytesOf = (event: Recording.Event): Uint8Array =>
  event._tag === "Packet" ? event.packet.bytes : event._tag === "Digest" ? event.bytes : noBytes

const isSamePacket = (one: Recording.PacketEvent, other: Recording.PacketEvent): boolean => {
  const [a, b] = [one.packet, other.packet]
  return (
    a.kind === b.kind &&
    a.arrives === b.arrives &&
    a.fault === b.fault &&
    a.lost === b.lost &&
    a.from.port === b.from.port &&
    a.to.port === b.to.port &&
    a.from.address === b.from.address &&
    a.to.address === b.to.address &&
    firstDifferentByte(a.bytes, b.bytes) === undefined
  )
}

/** Compares packets, which are most events, without formatting them. */
const isSame = (one: Recording.Event, other: Recording.Event): boolean =>
  one._tag === "Packet" && other._tag === "Packet" && one.at === other.at && isSamePacket(one, other)

const differentEvents = (
  one: Recording.Event,
  other: Recording.Event,
  counts: Readonly<Record<string, number>>
): Difference | undefined => {
  if (isSame(one, other)) return undefined
  const offset = firstDifferentByte(bytesOf(one), bytesOf(other))
  const [oneKey, otherKey] = [keyOf(one), keyOf(other)]
  if (offset === undefined && oneKey === otherKey) return undefined
  const hasSameKind = one._tag === other._tag && one.at === other.at
  if (offset !== undefined && hasSameKind && nameOf(one, counts) === nameOf(other, counts)) {
    return differentBytes(nameOf(other, counts), bytesOf(one), bytesOf(other), offset)
  }
  const subject = one._tag === "Log" && other._tag === "Log" ? `log line ${counts.Log}` : nameOf(other, counts)
  const [oneLine, otherLine] = [one, other].map((event) => `${time(event.at)}  ${formatEvent(event)}`)
  return differentTexts(`${subject} differs`, oneLine!, otherLine!)
}

/** Mixes the bytes of an event into a hash of its other fields. */
const fingerprint = (event: Recording.Event): number => {
  let state = FaultRandom.hash(keyOf(event))
  const bytes = bytesOf(event)
  for (let i = 0; i < bytes.length; i++) {
    state = Math.imul(state ^ bytes[i]!, 0x01000193)
    state ^= state >>> 13
  }
  return state
}

/** Text of a result: the value, or the errors. */
const resultText = (exit: Exit.Exit<unknown, unknown>) => CanonicalText.of(exit)

const differentResults = (one: Result, other: Result): Difference | undefined => {
  if (one.outcome !== other.outcome) return differentTexts("the outcomes differ", one.outcome, other.outcome)
  const [oneText, otherText] = [resultText(one.exit), resultText(other.exit)]
  if (oneText !== otherText) {
    const isValue = Exit.isSuccess(one.exit) && Exit.isSuccess(other.exit)
    return differentTexts(`the ${isValue ? "values" : "results"} of the scenario differ`, oneText, otherText)
  }
  if (one.time === other.time) return undefined
  return { at: `the first run ended at ${time(one.time)}, the second at ${time(other.time)}`, lines: [] }
}

/** Events of the first run that are kept to show a difference; later ones are compared by hash. */
const maxKeptEvents = 20_000

/** Creates a comparison. */
export const make = (): RunComparison => {
  const kept: Array<Recording.Event> = []
  const hashes: Array<number> = []
  const counts: Record<string, number> = {}
  let index = 0
  let difference: Difference | undefined
  const compare = (event: Recording.Event) => {
    counts[event._tag] = (counts[event._tag] ?? 0) + 1
    const at = index++
    const expected = kept[at]
    if (expected !== undefined) difference = differentEvents(expected, event, counts)
    else if (at - kept.length >= hashes.length) {
      difference = {
        at: `the second run has more events: ${nameOf(event, counts)} is ${formatEvent(event)}`,
        lines: []
      }
    } else if (hashes[at - kept.length] !== fingerprint(event)) {
      difference = { at: `${nameOf(event, counts)} differs`, lines: [`${secondLabel}  ${formatEvent(event)}`] }
    }
  }
  return {
    first: (event) => {
      if (kept.length < maxKeptEvents) kept.push(EventLog.copy(event))
      else hashes.push(fingerprint(event))
    },
    second: (event) => {
      if (difference === undefined) compare(event)
    },
    difference: (one, other) => {
      if (difference !== undefined) return difference
      const missing = kept.length + hashes.length - index
      if (missing > 0) {
        const next = kept[index]
        const event = next === undefined ? "" : `: ${time(next.at)}  ${formatEvent(next)}`
        return { at: `the first run has ${missing} more events${event}`, lines: [] }
      }
      return differentResults(one, other)
    }
  }
}
