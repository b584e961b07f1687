/** Matches packets with fault rules. The rules for two hosts are selected at their first packet and then kept. */
import * as Endpoint from "../../network/Endpoint.ts"
import { type Dissection, type Dissector, dissect, type Packet } from "../../network/Packet.ts"
import * as FaultDuration from "./FaultDuration.ts"
import * as FaultPlan from "./FaultPlan.ts"
import * as FaultPlanGrammar from "./FaultPlanGrammar.ts"
import * as FaultPlanSyntax from "./FaultPlanSyntax.ts"
import * as FaultSelection from "./FaultSelection.ts"
import type { HeldDatagram } from "./FaultVerdict.ts"

/**
 * A fault with its drawn values, and the number of its packet: among all packets that match, or those of a rule flow.
 */
export interface AppliedFault {
  readonly fault: FaultPlan.PacketRule
  readonly pair: FaultPlan.Pair | undefined
  readonly nth: number
}

/** The virtual queue of a limited bandwidth. */
interface BandwidthQueue {
  /** Time at which the packets that wait now have passed. */
  freeAt: number
}

/** State of a rule in execution. */
export interface RuleState extends FaultSelection.Selection {
  readonly rule: FaultPlan.TrafficRule
  /** Index of the rule in the plan. */
  readonly index: number
  readonly isPartition: boolean
  readonly hasPorts: boolean
  readonly udp: boolean
  readonly tcp: boolean
  readonly kind: string | undefined
  /** The rule as captures show it. */
  readonly note: string
  /** True if a random choice is part of the rule. */
  readonly isRandom: boolean
  readonly ruleFlows: Map<string, RuleFlow>
  readonly queues: Map<string, BandwidthQueue>
  /** Random faults applied so far; undefined if there are too many to record. */
  applied: Array<AppliedFault> | undefined
}

/** The packets of a rule that go from one host to another. */
interface RuleFlow {
  readonly pair: FaultPlan.Pair
  matched: number
}

/** A rule that applies to a flow. */
export interface FlowRule {
  readonly ruleState: RuleState
  readonly forward: boolean
  readonly backward: boolean
  readonly ruleFlow: RuleFlow | undefined
  readonly queue: BandwidthQueue | undefined
  /** Stream offset of each connection for `reset` and `cut`, by its ports; Infinity once the stream has ended. */
  readonly streamOffsets: Map<string, number>
}

/** A datagram that is held back, and the number of datagrams that have yet to overtake it. */
interface Hold {
  readonly ruleState: RuleState
  readonly datagram: HeldDatagram
  readonly until: number
  overtakersLeft: number
}

/** State of the packets from one address to another. */
export interface Flow {
  readonly from: string
  readonly to: string
  readonly fromHost: string | undefined
  readonly toHost: string | undefined
  readonly flowRules: ReadonlyArray<FlowRule>
  readonly holds: Array<Hold>
}

/** Limit of flows that are kept, so that packets from many addresses do not grow memory without bound. */
const maxFlows = 4096

/** Returns true for a rule about single packets: not for a partition or a bandwidth. */
export const isPacketRule = (rule: FaultPlan.TrafficRule): rule is FaultPlan.PacketRule =>
  rule.action !== "partition" && rule.action !== "bandwidth"

const isRandom = (rule: FaultPlan.TrafficRule): boolean => {
  if (!isPacketRule(rule)) return false
  const time = FaultPlan.durationOf(rule)
  return (
    (rule.percent ?? 100) < 100 ||
    (time !== undefined && !FaultDuration.isFixed(time)) ||
    (rule.action === "corrupt" && rule.bit === undefined) ||
    (rule.action === "truncate" && rule.bytes === undefined)
  )
}

/** Formats the action of a rule for captures, without its selection of packets. */
export const note = (rule: FaultPlan.TrafficRule): string =>
  rule.action === "partition" ? FaultPlanSyntax.formatRule(rule) : FaultPlanGrammar.formatFault(rule)

/** Creates the state of a rule; its random choices are those of the key. */
export const makeRuleState = (rule: FaultPlan.TrafficRule, index: number, randomKey: number): RuleState => ({
  ...FaultSelection.make(isPacketRule(rule) ? rule : {}, rule.window, randomKey),
  rule,
  index,
  isPartition: rule.action === "partition",
  hasPorts: rule.pair !== undefined && (rule.pair.from.port ?? rule.pair.to.port) !== undefined,
  udp: FaultPlan.appliesTo(rule, "udp"),
  tcp: FaultPlan.appliesTo(rule, "tcp"),
  kind: rule.action === "partition" ? undefined : rule.kind,
  note: note(rule),
  isRandom: isRandom(rule),
  ruleFlows: new Map(),
  queues: new Map(),
  applied: []
})

/** Returns the rule that applies the recorded fault to its one packet. */
export const concreteRule = ({ fault, nth, pair }: AppliedFault): FaultPlan.PacketRule => {
  const { burst: _burst, correlation: _correlation, percent: _percent, ...rule } = fault
  return { ...rule, nth: { from: nth, to: nth }, ...(pair === undefined ? {} : { pair }) }
}

/** One end of a flow: the host, if it has a name, and the address without its zone. */
export interface HostAddress {
  readonly host: string | undefined
  readonly address: string
}

export const hostAddress = (host: string | undefined, address: string): HostAddress => ({
  host,
  address: Endpoint.canonical(address)
})

const isAt = ({ host }: FaultPlan.EndpointPattern, end: HostAddress) =>
  host === "*" || host === end.host || FaultPlan.canonicalIp(host) === end.address

/** Returns the directions of a pair that match a flow, ignoring ports. */
export const directions = (pair: FaultPlan.Pair | undefined, from: HostAddress, to: HostAddress) => ({
  forward: pair === undefined || (isAt(pair.from, from) && isAt(pair.to, to)),
  backward: pair?.both === true && isAt(pair.to, from) && isAt(pair.from, to)
})

const anyEndpoint: FaultPlan.EndpointPattern = { host: "*" }

/** Returns the pattern for one end of a rule flow: the host of the rule, or the host or address of the packet. */
const specificPattern = (
  { host }: FaultPlan.EndpointPattern,
  end: HostAddress
): FaultPlan.EndpointPattern | undefined => {
  const specific = host === "*" ? (end.host ?? FaultPlan.canonicalIp(end.address)) : host
  return specific === undefined ? undefined : { host: specific }
}

/** Returns the rule flow of a rule. Rules with ports have none, because two ports of a host would share it. */
const ruleFlowOf = (
  ruleState: RuleState,
  forward: boolean,
  from: HostAddress,
  to: HostAddress
): RuleFlow | undefined => {
  const { pair } = ruleState.rule
  if (!ruleState.isRandom || ruleState.hasPorts) return undefined
  const start = specificPattern((forward ? pair?.from : pair?.to) ?? anyEndpoint, from)
  const end = specificPattern((forward ? pair?.to : pair?.from) ?? anyEndpoint, to)
  if (start === undefined || end === undefined) return undefined
  const key = `${start.host}>${end.host}`
  const ruleFlow = ruleState.ruleFlows.get(key) ?? { pair: { from: start, to: end, both: false }, matched: 0 }
  ruleState.ruleFlows.set(key, ruleFlow)
  return ruleFlow
}

/**
 * Returns the queue of a bandwidth: that of a direction of its pair, or that of the two hosts if the rule names none.
 */
const queueOf = (ruleState: RuleState, forward: boolean, from: HostAddress, to: HostAddress) => {
  const { pair } = ruleState.rule
  if (ruleState.rule.action !== "bandwidth") return undefined
  const isOfPair = pair !== undefined && (pair.from.host !== "*" || pair.to.host !== "*")
  const path = () => `${from.host ?? from.address}>${to.host ?? to.address}`
  const key = isOfPair ? (forward ? "forward" : "backward") : path()
  const queue = ruleState.queues.get(key) ?? { freeAt: 0 }
  ruleState.queues.set(key, queue)
  return queue
}

const flowRulesOf = (
  ruleStates: ReadonlyArray<RuleState>,
  from: HostAddress,
  to: HostAddress
): ReadonlyArray<FlowRule> =>
  ruleStates.flatMap((ruleState) => {
    const { backward, forward } = directions(ruleState.rule.pair, from, to)
    if (!forward && !backward) return []
    const ruleFlow = ruleFlowOf(ruleState, forward, from, to)
    const queue = queueOf(ruleState, forward, from, to)
    return [{ ruleState, forward, backward, ruleFlow, queue, streamOffsets: new Map() }]
  })

const none: ReadonlyArray<Flow> = []

const isBetween = (flow: Flow, fromHost: string | undefined, toHost: string | undefined) =>
  flow.fromHost === fromHost && flow.toHost === toHost

/** Creates the table of flows. Hosts that are not passed with a packet are looked up by address, once. */
export const makeFlowTable = (
  ruleStates: ReadonlyArray<RuleState>,
  nameOf: (address: string) => string | undefined
) => {
  const table = new Map<string, Map<string, ReadonlyArray<Flow>>>()
  let size = 0
  let last: Flow | undefined

  const clear = () => {
    table.clear()
    size = 0
    for (const ruleState of ruleStates) {
      if (ruleState.ruleFlows.size > 0) ruleState.applied = undefined
      ruleState.ruleFlows.clear()
      ruleState.queues.clear()
    }
  }
  return (packet: Packet, fromHost: string | undefined, toHost: string | undefined): Flow => {
    const from = packet.from.address
    const to = packet.to.address
    if (last !== undefined && last.from === from && last.to === to && isBetween(last, fromHost, toHost)) return last
    const candidates = table.get(from)?.get(to) ?? none
    for (let i = 0; i < candidates.length; i++) {
      if (!isBetween(candidates[i]!, fromHost, toHost)) continue
      last = candidates[i]!
      return last
    }
    if (size++ === maxFlows) clear()
    const flowRules = flowRulesOf(
      ruleStates,
      hostAddress(fromHost ?? nameOf(from), from),
      hostAddress(toHost ?? nameOf(to), to)
    )
    last = { from, to, fromHost, toHost, flowRules, holds: [] }
    const row = table.get(from) ?? new Map<string, ReadonlyArray<Flow>>()
    table.set(from, row)
    row.set(to, [...candidates, last])
    return last
  }
}

const portsMatch = ({ from, to }: Packet, one: FaultPlan.EndpointPattern, other: FaultPlan.EndpointPattern) =>
  (one.port === undefined || one.port === from.port) && (other.port === undefined || other.port === to.port)

/** Returns true if the ports of a packet match the rule, in a direction in which its hosts match. */
const hasPorts = ({ backward, forward, ruleState }: FlowRule, packet: Packet): boolean => {
  const { pair } = ruleState.rule
  if (!ruleState.hasPorts || pair === undefined) return true
  return (forward && portsMatch(packet, pair.from, pair.to)) || (backward && portsMatch(packet, pair.to, pair.from))
}

const isPayload = ({ kind }: Packet) => kind === "datagram" || kind === "data"

/** Returns the kind that the first matching dissector gives a payload; the payload is dissected at most once. */
export const kindOf = (packet: Packet, dissectors: ReadonlyArray<Dissector>): (() => string | undefined) => {
  let found: Dissection | undefined | "unknown" = isPayload(packet) ? "unknown" : undefined
  return () => {
    if (found === "unknown") found = dissect(dissectors, packet)
    return found?.kind
  }
}

/** Returns true if a rule selects a packet, apart from the number of the packet and the rate of the rule. */
export const matches = (flowRule: FlowRule, packet: Packet, now: number, kindOf: () => string | undefined): boolean => {
  const { ruleState } = flowRule
  const { isPartition, kind, tcp, udp } = ruleState
  if (!FaultSelection.isInWindow(ruleState, now) || !(packet.transport === "udp" ? udp : tcp)) return false
  const isKind = kind === undefined ? isPartition || isPayload(packet) : kind === packet.kind || kind === kindOf()
  return isKind && hasPorts(flowRule, packet)
}

/** Counts a packet that matches a rule; returns its number, from 1. */
export const counts = ({ ruleFlow, ruleState }: FlowRule, now: number): number => {
  if (ruleFlow !== undefined) ruleFlow.matched++
  return FaultSelection.count(ruleState, now)
}
