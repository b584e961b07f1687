/** Applies the actions of fault rules to a packet, one after the other. */
import type { Packet } from "../../network/Packet.ts"
import type { Flow, FlowRule, RuleState, TrafficRule } from "./FaultMatch.ts"
import type * as FaultPlan from "./FaultPlan.ts"
import * as FaultRandom from "./FaultRandom.ts"
import * as FaultVerdict from "./FaultVerdict.ts"

/** Verdict on a packet while the rules of the plan are applied to it. */
export interface PendingVerdict {
  readonly packet: Packet
  isDropped: boolean
  copies: ReadonlyArray<FaultVerdict.Datagrams["copies"][number]>
  hold: { readonly ruleState: RuleState; readonly overtakers: number; readonly maxHoldNanos: number } | undefined
  delayNanos: number
  stallNanos: number
  chunkBytes: number | undefined
  end: FaultVerdict.Stream["end"]
  /** The faults applied so far, as captures show them. */
  note: string | undefined
}

/** Creates the verdict on a packet before any rule. */
export const pendingVerdict = (packet: Packet): PendingVerdict => ({
  packet,
  isDropped: false,
  copies: [{ delayNanos: 0, bytes: packet.bytes }],
  hold: undefined,
  delayNanos: 0,
  stallNanos: 0,
  chunkBytes: undefined,
  end: undefined,
  note: undefined
})

/** Draws a duration: whole microseconds if both bounds are, so that people can read the numbers. */
const durationIn = ({ from, to }: FaultPlan.Range, chance: number): number => {
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

const mapCopies = (pending: PendingVerdict, f: (bytes: Uint8Array) => Uint8Array) => {
  pending.copies = pending.copies.map(({ bytes, delayNanos }) => ({ delayNanos, bytes: f(bytes) }))
}

/** Connections of a flow whose stream offsets are kept. */
const maxConnections = 4096

const portsKey = ({ from, to }: Packet) => `${from.port}>${to.port}`

/** Kinds of packets at which a stream begins or ends. */
const boundaries: ReadonlySet<Packet["kind"]> = new Set(["syn", "synack", "fin", "rst"])

/** Resets the stream offset of a connection that begins or ends. */
export const resetOffset = ({ streamOffsets }: FlowRule, packet: Packet): void => {
  if (streamOffsets.size > 0 && boundaries.has(packet.kind)) streamOffsets.delete(portsKey(packet))
}

/** Returns the offset in this segment at which the stream ends; undefined if it ends later, or has ended. */
const endOffsetIn = ({ streamOffsets }: FlowRule, packet: Packet, after: number): number | undefined => {
  const key = portsKey(packet)
  const before = streamOffsets.get(key) ?? 0
  const rest = after - before
  const isHere = before !== Number.POSITIVE_INFINITY && (rest === 0 || rest < packet.bytes.length)
  if (streamOffsets.size >= maxConnections) streamOffsets.delete(streamOffsets.keys().next().value!)
  streamOffsets.set(key, isHere ? Number.POSITIVE_INFINITY : before + packet.bytes.length)
  return isHere ? rest : undefined
}

/** Applies a rule; returns the rule with the values that were drawn, or undefined if it cannot apply to this packet. */
export const apply = (
  pending: PendingVerdict,
  flowRule: FlowRule,
  flow: Flow,
  n: number,
  now: number
): TrafficRule | undefined => {
  const { randomKey, rule } = flowRule.ruleState
  const { packet } = pending
  const chance = () => FaultRandom.draw(randomKey, n, 1)
  const drawn = (range: FaultPlan.Range) => (isFixed(range) ? range.from : durationIn(range, chance()))
  const bytes = pending.copies[0]!.bytes
  switch (rule.action) {
    case "drop": {
      pending.isDropped = true
      return rule
    }
    case "partition": {
      // TCP retransmits data after the partition; a reset is never retransmitted.
      if (packet.transport === "udp" || packet.kind === "rst") pending.isDropped = true
      else pending.stallNanos = Math.max(pending.stallNanos, flowRule.ruleState.windowEnd - now)
      return rule
    }
    case "delay": {
      const time = drawn(rule.by)
      pending.delayNanos += time
      pending.copies = pending.copies.map(({ bytes, delayNanos }) => ({ delayNanos: delayNanos + time, bytes }))
      return isFixed(rule.by) ? rule : { ...rule, by: exactly(time) }
    }
    case "dup": {
      const time = drawn(rule.after)
      const copy = { ...pending.copies[0]!, delayNanos: pending.copies[0]!.delayNanos + time }
      pending.copies = [...pending.copies, ...Array.from({ length: rule.copies }, () => copy)]
      return isFixed(rule.after) ? rule : { ...rule, after: exactly(time) }
    }
    case "reorder": {
      const waits = flow.holds.some(({ until, ruleState }) => ruleState === flowRule.ruleState && now < until)
      if (waits || pending.hold !== undefined) return undefined
      const within = drawn(rule.within)
      pending.hold = { ruleState: flowRule.ruleState, overtakers: rule.by, maxHoldNanos: within }
      return isFixed(rule.within) ? rule : { ...rule, within: exactly(within) }
    }
    case "corrupt": {
      const bit = rule.bit ?? Math.floor(chance() * bytes.length * 8)
      if (bit >= bytes.length * 8) return undefined
      mapCopies(pending, (bytes) => flip(bytes, bit))
      return { ...rule, bit }
    }
    case "truncate": {
      const length = rule.bytes ?? Math.floor(chance() * bytes.length)
      if (length >= bytes.length) return undefined
      mapCopies(pending, (bytes) => bytes.subarray(0, length))
      return { ...rule, bytes: length }
    }
    case "stall": {
      const time = rule.for === undefined ? Number.POSITIVE_INFINITY : drawn(rule.for)
      pending.stallNanos = Math.max(pending.stallNanos, time)
      return rule.for === undefined || isFixed(rule.for) ? rule : { ...rule, for: exactly(time) }
    }
    case "chunk": {
      if (packet.bytes.length <= rule.bytes) return undefined
      pending.chunkBytes = Math.min(rule.bytes, pending.chunkBytes ?? rule.bytes)
      return rule
    }
    case "reset":
    case "cut": {
      const after = endOffsetIn(flowRule, packet, rule.after)
      if (after === undefined || pending.end !== undefined) return undefined
      pending.end = { kind: rule.action === "cut" ? "fin" : "rst", afterBytes: after }
      return { ...rule, after }
    }
  }
}

/** Returns the final verdict for the network. */
export const toVerdict = (
  { chunkBytes, copies, delayNanos, end, isDropped, note, packet, stallNanos }: PendingVerdict,
  held: FaultVerdict.HeldDatagram | undefined,
  overtaken: ReadonlyArray<FaultVerdict.HeldDatagram>
): FaultVerdict.Verdict => {
  if (note === undefined && overtaken.length === 0) return FaultVerdict.deliver
  if (isDropped) return { _tag: "Drop", note: note! }
  if (packet.transport === "tcp") return { _tag: "Stream", note: note!, delayNanos, stallNanos, chunkBytes, end }
  return { _tag: "Datagrams", note, copies, held, overtaken }
}
