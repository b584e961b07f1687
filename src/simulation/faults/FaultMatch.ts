/** Matches packets with fault rules. The rules for two hosts are selected at their first packet and then kept. */
import * as Endpoint from "../../network/Endpoint.ts"
import { type Dissection, type Dissector, dissect, type Packet } from "../../network/Packet.ts"
import * as FaultPlan from "./FaultPlan.ts"
import * as FaultPlanSyntax from "./FaultPlanSyntax.ts"
import * as FaultRandom from "./FaultRandom.ts"
import type { HeldDatagram } from "./FaultVerdict.ts"

/** A packet rule or a partition. */
export type TrafficRule = FaultPlan.PacketRule | FaultPlan.Partition

/**
 * A fault with its drawn values, and the number of its packet: among all packets that match, or those of a rule flow.
 */
export interface AppliedFault {
  readonly fault: FaultPlan.PacketRule
  readonly pair: FaultPlan.Pair | undefined
  readonly nth: number
}

/** State of a rule in execution. */
export interface RuleState {
  readonly rule: TrafficRule
  /** Index of the rule in the plan. */
  readonly index: number
  readonly isPartition: boolean
  readonly hasPorts: boolean
  readonly udp: boolean
  readonly tcp: boolean
  /** Nanoseconds since the start of the plan; the end is exclusive. */
  readonly windowStart: number
  readonly windowEnd: number
  /** Numbers of the matching packets, from 1, that the rule applies to. */
  readonly firstNth: number
  readonly lastNth: number
  /** Probability that the rule applies to a packet; 1 if the rule has no rate. */
  readonly probability: number
  readonly randomKey: number
  readonly kind: string | undefined
  /** The rule as captures show it. */
  readonly note: string
  /** True if a random choice is part of the rule. */
  readonly isRandom: boolean
  readonly ruleFlows: Map<string, RuleFlow>
  /** Number of packets that matched. */
  matched: number
  /** Time at which the last packet that the rule applies to matched. */
  exhaustedAt: number | undefined
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

const isRandom = (rule: TrafficRule): boolean => {
  if (rule.action === "partition") return false
  const time = FaultPlan.durationOf(rule)
  return (
    (rule.percent ?? 100) < 100 ||
    (time !== undefined && time.from < time.to) ||
    (rule.action === "corrupt" && rule.bit === undefined) ||
    (rule.action === "truncate" && rule.bytes === undefined)
  )
}

/** Formats the action of a rule for captures, without its selection of packets. */
export const note = (rule: TrafficRule): string => {
  if (rule.action === "partition") return FaultPlanSyntax.formatRule(rule)
  const { kind: _kind, nth: _nth, pair: _pair, percent: _percent, window: _window, ...fault } = rule
  return FaultPlanSyntax.formatRule(fault)
}

/** Creates the state of a rule; `duplicate` distinguishes equal rules of a plan. */
export const makeRuleState = (
  rule: TrafficRule,
  text: string,
  index: number,
  seed: FaultRandom.Seed,
  duplicate: number
): RuleState => {
  const isPartition = rule.action === "partition"
  const { kind, nth, percent } = isPartition ? {} : rule
  return {
    rule,
    index,
    isPartition,
    hasPorts: rule.pair !== undefined && (rule.pair.from.port ?? rule.pair.to.port) !== undefined,
    udp: FaultPlan.appliesTo(rule, "udp"),
    tcp: FaultPlan.appliesTo(rule, "tcp"),
    windowStart: rule.window?.from ?? 0,
    windowEnd: rule.window?.to ?? Number.POSITIVE_INFINITY,
    firstNth: nth?.from ?? 1,
    lastNth: nth === undefined ? Number.POSITIVE_INFINITY : (nth.to ?? Number.POSITIVE_INFINITY),
    probability: percent === undefined ? 1 : percent / 100,
    randomKey: FaultRandom.hash(`${seed} ${duplicate} ${text}`),
    kind,
    note: note(rule),
    isRandom: isRandom(rule),
    ruleFlows: new Map(),
    matched: 0,
    exhaustedAt: undefined,
    applied: []
  }
}

/** Returns the rule that applies the recorded fault to its one packet. */
export const concreteRule = ({ fault, nth, pair }: AppliedFault): FaultPlan.PacketRule => {
  const { percent: _, ...rule } = fault
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

const flowRulesOf = (
  ruleStates: ReadonlyArray<RuleState>,
  from: HostAddress,
  to: HostAddress
): ReadonlyArray<FlowRule> =>
  ruleStates.flatMap((ruleState) => {
    const { backward, forward } = directions(ruleState.rule.pair, from, to)
    if (!forward && !backward) return []
    return [
      { ruleState, forward, backward, ruleFlow: ruleFlowOf(ruleState, forward, from, to), streamOffsets: new Map() }
    ]
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

export const isInWindow = ({ windowEnd, windowStart }: RuleState, now: number): boolean =>
  now >= windowStart && now < windowEnd

/** Returns true if a rule selects a packet, apart from the number of the packet and the rate of the rule. */
export const matches = (flowRule: FlowRule, packet: Packet, now: number, kindOf: () => string | undefined): boolean => {
  const { ruleState } = flowRule
  const { isPartition, kind, tcp, udp } = ruleState
  if (!isInWindow(ruleState, now) || !(packet.transport === "udp" ? udp : tcp)) return false
  const isKind = kind === undefined ? isPartition || isPayload(packet) : kind === packet.kind || kind === kindOf()
  return isKind && hasPorts(flowRule, packet)
}

/** Counts a packet that matches a rule; returns its number, from 1. */
export const counts = ({ ruleFlow, ruleState }: FlowRule, now: number): number => {
  const n = ++ruleState.matched
  if (ruleFlow !== undefined) ruleFlow.matched++
  if (n === ruleState.lastNth) ruleState.exhaustedAt = now
  return n
}

/** Returns true if a rule applies to the nth packet that it matches: a random choice if the rule has a rate. */
export const applies = ({ ruleState }: FlowRule, n: number): boolean => {
  const { firstNth, lastNth, probability, randomKey } = ruleState
  return n >= firstNth && n <= lastNth && (probability === 1 || FaultRandom.draw(randomKey, n, 0) < probability)
}
