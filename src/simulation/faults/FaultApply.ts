/** What the actions of a plan do to a packet, one after the other. */
import type { Packet } from "../../network/Packet.ts"
import type { Entry, Flow, Watch, Watched } from "./FaultMatch.ts"
import type * as FaultPlan from "./FaultPlan.ts"
import * as FaultRandom from "./FaultRandom.ts"
import * as FaultVerdict from "./FaultVerdict.ts"

/** What has become of a packet so far. */
export interface Fate {
  readonly packet: Packet
  isGone: boolean
  copies: ReadonlyArray<FaultVerdict.Datagrams["copies"][number]>
  hold: { readonly watch: Watch; readonly by: number; readonly within: number } | undefined
  delay: number
  stall: number
  chunk: number | undefined
  end: FaultVerdict.Stream["end"]
  /** What was done, as captures tell it. */
  note: string | undefined
}

/** A packet nothing has happened to. */
export const fate = (packet: Packet): Fate => ({
  packet,
  isGone: false,
  copies: [{ delay: 0, bytes: packet.bytes }],
  hold: undefined,
  delay: 0,
  stall: 0,
  chunk: undefined,
  end: undefined,
  note: undefined
})

/** Whole microseconds, if the ends of the range are: stats for people to read. */
const timeIn = ({ from, to }: FaultPlan.Range, chance: number): number => {
  const step = from % 1000 === 0 && to % 1000 === 0 ? 1000 : 1
  return from + step * Math.min(Math.floor(((to - from) / step + 1) * chance), (to - from) / step)
}

const isFixed = ({ from, to }: FaultPlan.Range) => from === to
const exactly = (time: number): FaultPlan.Range => ({ from: time, to: time })

const flip = (bytes: Uint8Array, bit: number) => {
  const flipped = new Uint8Array(bytes)
  flipped[bit >> 3]! ^= 0x80 >> (bit & 7)
  return flipped
}

const change = (fate: Fate, f: (bytes: Uint8Array) => Uint8Array) => {
  fate.copies = fate.copies.map(({ bytes, delay }) => ({ delay, bytes: f(bytes) }))
}

/** Connections of a flow that are remembered. */
const mostConnections = 4096

const keyOf = ({ from, to }: Packet) => `${from.port}>${to.port}`

/** A connection that begins or ends starts counting anew. */
export const renew = ({ passed }: Entry, packet: Packet): void => {
  if (packet.kind !== "data" && passed.size > 0) passed.delete(keyOf(packet))
}

/** Where in this piece the stream ends; undefined if that is further on, or was before. */
const endIn = ({ passed }: Entry, packet: Packet, after: number): number | undefined => {
  const key = keyOf(packet)
  const before = passed.get(key) ?? 0
  const rest = after - before
  const isHere = before !== Number.POSITIVE_INFINITY && (rest === 0 || rest < packet.bytes.length)
  if (passed.size >= mostConnections) passed.delete(passed.keys().next().value!)
  passed.set(key, isHere ? Number.POSITIVE_INFINITY : before + packet.bytes.length)
  return isHere ? rest : undefined
}

/** Does what a rule says; gives that, with what was drawn, or undefined if it cannot be done to this packet. */
export const apply = (fate: Fate, entry: Entry, flow: Flow, n: number, now: number): Watched | undefined => {
  const { key, rule } = entry.watch
  const { packet } = fate
  const chance = () => FaultRandom.draw(key, n, 1)
  const drawn = (range: FaultPlan.Range) => (isFixed(range) ? range.from : timeIn(range, chance()))
  const bytes = fate.copies[0]!.bytes
  switch (rule.action) {
    case "drop": {
      fate.isGone = true
      return rule
    }
    case "partition": {
      // What a stream sends is sent again when the partition is over; nobody sends a reset again.
      if (packet.transport === "udp" || packet.kind === "rst") fate.isGone = true
      else fate.stall = Math.max(fate.stall, entry.watch.to - now)
      return rule
    }
    case "delay": {
      const time = drawn(rule.by)
      fate.delay += time
      fate.copies = fate.copies.map(({ bytes, delay }) => ({ delay: delay + time, bytes }))
      return isFixed(rule.by) ? rule : { ...rule, by: exactly(time) }
    }
    case "dup": {
      const time = drawn(rule.after)
      const copy = { ...fate.copies[0]!, delay: fate.copies[0]!.delay + time }
      fate.copies = [...fate.copies, ...Array.from({ length: rule.copies }, () => copy)]
      return isFixed(rule.after) ? rule : { ...rule, after: exactly(time) }
    }
    case "reorder": {
      const waits = flow.holds.some(({ until, watch }) => watch === entry.watch && now < until)
      if (waits || fate.hold !== undefined) return undefined
      const within = drawn(rule.within)
      fate.hold = { watch: entry.watch, by: rule.by, within }
      return isFixed(rule.within) ? rule : { ...rule, within: exactly(within) }
    }
    case "corrupt": {
      const bit = rule.bit ?? Math.floor(chance() * bytes.length * 8)
      if (bit >= bytes.length * 8) return undefined
      change(fate, (bytes) => flip(bytes, bit))
      return { ...rule, bit }
    }
    case "truncate": {
      const length = rule.bytes ?? Math.floor(chance() * bytes.length)
      if (length >= bytes.length) return undefined
      change(fate, (bytes) => bytes.subarray(0, length))
      return { ...rule, bytes: length }
    }
    case "stall": {
      const time = rule.for === undefined ? Number.POSITIVE_INFINITY : drawn(rule.for)
      fate.stall = Math.max(fate.stall, time)
      return rule.for === undefined || isFixed(rule.for) ? rule : { ...rule, for: exactly(time) }
    }
    case "chunk": {
      if (packet.bytes.length <= rule.bytes) return undefined
      fate.chunk = Math.min(rule.bytes, fate.chunk ?? rule.bytes)
      return rule
    }
    case "reset":
    case "cut": {
      const after = endIn(entry, packet, rule.after)
      if (after === undefined || fate.end !== undefined) return undefined
      fate.end = { kind: rule.action === "cut" ? "fin" : "rst", after }
      return { ...rule, after }
    }
  }
}

/** What the network is told. */
export const verdict = (
  { chunk, copies, delay, end, isGone, note, packet, stall }: Fate,
  held: FaultVerdict.Held | undefined,
  overtaken: ReadonlyArray<FaultVerdict.Held>
): FaultVerdict.Verdict => {
  if (note === undefined && overtaken.length === 0) return FaultVerdict.deliver
  if (isGone) return { _tag: "Drop", note: note! }
  if (packet.transport === "tcp") return { _tag: "Stream", note: note!, delay, stall, chunk, end }
  return { _tag: "Datagrams", note, copies, held, overtaken }
}
