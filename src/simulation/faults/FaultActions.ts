/** Applies the actions of fault rules to a packet, one after the other. */
import type { Packet } from "../../network/Packet.ts"
import * as FaultDuration from "./FaultDuration.ts"
import type { Flow, FlowRule, RuleState } from "./FaultMatch.ts"
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
  /** True if the queue of a bandwidth had no space for the datagram. */
  isQueueFull: boolean
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
  isQueueFull: false,
  note: undefined
})

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

/** The packet to which a rule applies: the nth that matches the rule. Times are those of the plan. */
interface Hit {
  readonly flowRule: FlowRule
  readonly flow: Flow
  readonly n: number
  readonly now: number
}

type Rule<A extends FaultPlan.TrafficRule["action"]> = Extract<FaultPlan.TrafficRule, { readonly action: A }>

/** Applies a rule of one action; returns the rule with the values that were drawn, or undefined if it cannot apply. */
type Apply<R> = (pending: PendingVerdict, rule: R, hit: Hit) => R | undefined

const drawn = ({ flowRule, n }: Hit, duration: FaultPlan.AnyDuration) =>
  FaultDuration.draw(duration, flowRule.ruleState.randomKey, n)

const chance = ({ flowRule, n }: Hit) => FaultRandom.draw(flowRule.ruleState.randomKey, n, 1)

const delayBy = (pending: PendingVerdict, time: number) => {
  pending.delayNanos += time
  pending.copies = pending.copies.map(({ bytes, delayNanos }) => ({ delayNanos: delayNanos + time, bytes }))
}

const endStream = <R extends Rule<"reset"> | Rule<"cut">>(pending: PendingVerdict, rule: R, { flowRule }: Hit) => {
  const after = endOffsetIn(flowRule, pending.packet, rule.after)
  if (after === undefined || pending.end !== undefined) return undefined
  pending.end = { kind: rule.action === "cut" ? "fin" : "rst", afterBytes: after }
  return { ...rule, after }
}

/** Bytes of the headers of IP and UDP or TCP. */
const headerBytes = ({ to, transport }: Packet) => (to.address.includes(":") ? 40 : 20) + (transport === "udp" ? 8 : 20)

/** True if a rule holds every packet: then the next one overtakes, or none would. */
const holdsAll = ({ lastNth, probability }: RuleState) => probability === 1 && lastNth === Number.POSITIVE_INFINITY

const appliers: { readonly [A in FaultPlan.TrafficRule["action"]]: Apply<Rule<A>> } = {
  drop: (pending, rule) => {
    pending.isDropped = true
    return rule
  },
  partition: (pending, rule, { flowRule, now }) => {
    // TCP retransmits data after the partition; a reset is never retransmitted.
    if (pending.packet.transport === "udp" || pending.packet.kind === "rst") pending.isDropped = true
    else pending.stallNanos = Math.max(pending.stallNanos, flowRule.ruleState.windowEnd - now)
    return rule
  },
  bandwidth: (pending, rule, { flowRule, now }) => {
    const { copies, packet } = pending
    const queue = flowRule.queue!
    const start = Math.max(now, queue.freeAt)
    const size = copies.reduce((sum, { bytes }) => sum + bytes.length + headerBytes(packet), 0)
    if (packet.transport === "udp" && start > now && ((start - now) * rule.rate) / 1e9 + size > rule.queue) {
      pending.isDropped = true
      pending.isQueueFull = true
      return rule
    }
    queue.freeAt = start + (size * 1e9) / rule.rate
    // What still waits at the end of the window passes then.
    delayBy(pending, Math.round(Math.min(queue.freeAt, flowRule.ruleState.windowEnd) - now))
    return rule
  },
  delay: (pending, rule, hit) => {
    const time = drawn(hit, rule.by)
    delayBy(pending, time)
    return FaultDuration.isFixed(rule.by) ? rule : { ...rule, by: FaultDuration.exactly(time) }
  },
  dup: (pending, rule, hit) => {
    const time = drawn(hit, rule.after)
    const copy = { ...pending.copies[0]!, delayNanos: pending.copies[0]!.delayNanos + time }
    pending.copies = [...pending.copies, ...Array.from({ length: rule.copies }, () => copy)]
    return FaultDuration.isFixed(rule.after) ? rule : { ...rule, after: FaultDuration.exactly(time) }
  },
  reorder: (pending, rule, hit) => {
    const { flow, now } = hit
    const { ruleState } = hit.flowRule
    const waits = holdsAll(ruleState) && flow.holds.some((hold) => hold.ruleState === ruleState && now < hold.until)
    if (waits || pending.hold !== undefined) return undefined
    const within = drawn(hit, rule.within)
    pending.hold = { ruleState, overtakers: rule.by, maxHoldNanos: within }
    return FaultDuration.isFixed(rule.within) ? rule : { ...rule, within: FaultDuration.exactly(within) }
  },
  corrupt: (pending, rule, hit) => {
    const bits = pending.copies[0]!.bytes.length * 8
    const bit = rule.bit ?? Math.floor(chance(hit) * bits)
    if (bit >= bits) return undefined
    mapCopies(pending, (bytes) => flip(bytes, bit))
    return { ...rule, bit }
  },
  truncate: (pending, rule, hit) => {
    const { bytes } = pending.copies[0]!
    const length = rule.bytes ?? Math.floor(chance(hit) * bytes.length)
    if (length >= bytes.length) return undefined
    mapCopies(pending, (bytes) => bytes.subarray(0, length))
    return { ...rule, bytes: length }
  },
  stall: (pending, rule, hit) => {
    const time = rule.for === undefined ? Number.POSITIVE_INFINITY : drawn(hit, rule.for)
    pending.stallNanos = Math.max(pending.stallNanos, time)
    return rule.for === undefined || FaultDuration.isFixed(rule.for)
      ? rule
      : { ...rule, for: FaultDuration.exactly(time) }
  },
  chunk: (pending, rule) => {
    if (pending.packet.bytes.length <= rule.bytes) return undefined
    pending.chunkBytes = Math.min(rule.bytes, pending.chunkBytes ?? rule.bytes)
    return rule
  },
  reset: endStream,
  cut: endStream
}

/** Applies a rule; returns the rule with the values that were drawn, or undefined if it cannot apply to this packet. */
export const apply = (
  pending: PendingVerdict,
  flowRule: FlowRule,
  flow: Flow,
  n: number,
  now: number
): FaultPlan.TrafficRule | undefined => {
  const { rule } = flowRule.ruleState
  const applier = appliers[rule.action] as Apply<FaultPlan.TrafficRule>
  return applier(pending, rule, { flowRule, flow, n, now })
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
