/**
 * Executes a fault plan: returns a verdict for every packet. The engine has no network and no clock; its caller carries
 * out the verdicts.
 *
 * The same plan, seed and packets give the same verdicts. Random choices are recorded, so that a run can be repeated by
 * a plan without random choices.
 */
import { constUndefined } from "effect/Function"
import type * as Packet from "../../network/Packet.ts"
import * as FaultActions from "./FaultActions.ts"
import * as FaultDisk from "./FaultDisk.ts"
import * as FaultDuration from "./FaultDuration.ts"
import * as FaultMatch from "./FaultMatch.ts"
import * as FaultPlan from "./FaultPlan.ts"
import * as FaultPlanSyntax from "./FaultPlanSyntax.ts"
import * as FaultRandom from "./FaultRandom.ts"
import * as FaultSelection from "./FaultSelection.ts"
import * as FaultVerdict from "./FaultVerdict.ts"

/** Options of an engine. @category models @since 0.1.0 */
export interface Options {
  /** Seed of all random choices. Default 0. */
  readonly seed?: FaultRandom.Seed | undefined
  /** Dissectors that determine the kind of a payload; the first result counts. Default: none. */
  readonly dissectors?: ReadonlyArray<Packet.Dissector> | undefined
  /** Returns the host that has an address; called once per address. Default: addresses have no names. */
  readonly nameOf?: ((address: string) => string | undefined) | undefined
  /** Start of the plan's time, in nanoseconds of the clock passed to `decide`. Default 0. */
  readonly startNanos?: number | undefined
  /** Maximum number of random faults per rule that are recorded for `concrete`. Default 10,000. */
  readonly maxRecordedFaults?: number | undefined
}

/** A change of a host or of its clock, without its time. @category models @since 0.1.0 */
export type HostChange =
  | { readonly event: "pause" | "resume" | "crash" | "restart" }
  /** The wall clock of the host jumps by a number of nanoseconds. */
  | { readonly event: "jump"; readonly by: number }
  /** The clocks of the host run faster from now on, in parts of a million; 0 at the end of a drift. */
  | { readonly event: "drift"; readonly ppm: number }

/** A change of a host's state, or of its clock. @category models @since 0.1.0 */
export type HostEvent = HostChange & {
  /** Nanoseconds of the clock passed to `decide`. */
  readonly at: number
  readonly host: string
  /** Index of the rule in the plan. */
  readonly ruleIndex: number
}

/** A fault of one operation on a disk: it fails, or takes longer, or both. @category models @since 0.1.0 */
export type DiskFault = FaultDisk.DiskFault

/** A fault plan in execution. Times are nanoseconds. @category models @since 0.1.0 */
export interface FaultEngine {
  /**
   * Returns the verdict for a packet that is sent now.
   *
   * The network calls it in the order of sending: a simulated one for every packet, a real one for datagrams, data and
   * FIN. `from` and `to` name the hosts where the network knows more than the addresses tell, as for a broadcast.
   */
  readonly decide: (packet: Packet.Packet, now: number, from?: string, to?: string) => FaultVerdict.Verdict
  /**
   * Returns true if a partition blocks packets from one host to another. Hosts are given as in the plan, or by address.
   * Partitions with ports do not count.
   */
  readonly isPartitioned: (from: string, to: string, now: number) => boolean
  /** Events of hosts, ordered by time, which the simulation carries out and records: the starts of faults count. */
  readonly hostEvents: () => ReadonlyArray<HostEvent>
  readonly recordHostEvent: (event: HostEvent) => void
  /** Returns the fault of an operation that begins now on the disk of a host; undefined if there is none. */
  readonly diskFault: (host: string, operation: FaultPlan.DiskOperation, now: number) => DiskFault | undefined
  /** Number of times that each rule was applied, in the order of the plan. */
  readonly counts: () => ReadonlyArray<number>
  /** Rules that were never applied. */
  readonly unused: () => FaultPlan.FaultPlan
  /**
   * Returns the plan with the same effect on the same packets, without random choices where possible. Each recorded
   * random fault becomes a rule for the nth packet from one host to another, or for the nth match of a rule with ports;
   * a rule with too many stays. Rules that were not applied are omitted.
   */
  readonly concrete: () => FaultPlan.FaultPlan
  /**
   * Time at which the last fault ends, as far as is known now; undefined if another fault is always possible. A crash
   * or pause without an end counts with its start.
   */
  readonly faultsEnd: () => number | undefined
  /** Ends all faults of packets and disks: every packet sent from now on is delivered. */
  readonly heal: (now: number) => void
}

const hostEventsOf = (plan: FaultPlan.FaultPlan, index: number, start: number): ReadonlyArray<HostEvent> => {
  const rule = plan[index]!
  if (!FaultPlan.isHostRule(rule) || FaultPlan.isDiskRule(rule)) return []
  const first = { at: start + rule.at, host: rule.host, ruleIndex: index }
  const end = (event: HostChange): ReadonlyArray<HostEvent> =>
    !("until" in rule) || rule.until === undefined ? [] : [{ ...first, at: start + rule.until, ...event }]
  switch (rule.action) {
    case "restart":
      return [{ ...first, event: "restart" }]
    case "pause":
      return [{ ...first, event: "pause" }, ...end({ event: "resume" })]
    case "crash":
      return [{ ...first, event: "crash" }, ...end({ event: "restart" })]
    case "jump":
      return [{ ...first, event: "jump", by: rule.by }]
    case "drift":
      return [{ ...first, event: "drift", ppm: rule.ppm }, ...end({ event: "drift", ppm: 0 })]
  }
}

/** Options with their defaults. */
type Settings = { readonly [Name in keyof Options]-?: NonNullable<Options[Name]> }

type RuleState = FaultMatch.RuleState | FaultDisk.DiskState

/** State of an engine. */
interface Engine extends Settings {
  readonly counts: Array<number>
  /** State of each rule of the plan; undefined for a rule about a host or its clock. */
  readonly stateOfRule: ReadonlyArray<RuleState | undefined>
  readonly ruleStates: ReadonlyArray<FaultMatch.RuleState>
  readonly diskStates: ReadonlyArray<FaultDisk.DiskState>
  readonly flowOf: ReturnType<typeof FaultMatch.makeFlowTable>
  /** Time of the plan after which no rule applies. */
  healedAt: number | undefined
}

const ruleStatesOf = (plan: FaultPlan.FaultPlan, seed: FaultRandom.Seed): ReadonlyArray<RuleState | undefined> => {
  const duplicates = new Map<string, number>()
  return plan.map((rule, index) => {
    if (FaultPlan.isHostRule(rule) && !FaultPlan.isDiskRule(rule)) return undefined
    const text = FaultPlanSyntax.formatRule(rule)
    const duplicate = duplicates.get(text) ?? 0
    duplicates.set(text, duplicate + 1)
    const key = FaultRandom.hash(`${seed} ${duplicate} ${text}`)
    return FaultPlan.isDiskRule(rule)
      ? FaultDisk.makeState(rule, index, key)
      : FaultMatch.makeRuleState(rule, index, key)
  })
}

const isDiskState = (state: RuleState): state is FaultDisk.DiskState => FaultPlan.isDiskRule(state.rule)

/** Adds an applied fault to the note and the count, and records it for `concrete` if it is random. */
const record = (
  { counts, maxRecordedFaults }: Engine,
  pending: FaultActions.PendingVerdict,
  { ruleFlow, ruleState }: FaultMatch.FlowRule,
  fault: FaultPlan.TrafficRule
) => {
  const action = fault === ruleState.rule ? ruleState.note : FaultMatch.note(fault)
  const note = pending.isQueueFull ? `${action}, queue full` : action
  pending.note = pending.note === undefined ? note : `${pending.note}, ${note}`
  counts[ruleState.index]!++
  if (!ruleState.isRandom || ruleState.applied === undefined || !FaultMatch.isPacketRule(fault)) return
  ruleState.applied.push({ fault, pair: ruleFlow?.pair, nth: ruleFlow?.matched ?? ruleState.matched })
  if (ruleState.applied.length > maxRecordedFaults) ruleState.applied = undefined
}

/** Removes and returns the held datagrams that wait no longer once this one has overtaken them. */
const takeOvertaken = ({ holds }: FaultMatch.Flow, now: number) => {
  const overtaken: Array<FaultVerdict.HeldDatagram> = []
  for (let i = holds.length - 1; i >= 0; i--) {
    const hold = holds[i]!
    if (now < hold.until && --hold.overtakersLeft === 0) overtaken.unshift(hold.datagram)
    if (now >= hold.until || hold.overtakersLeft === 0) holds.splice(i, 1)
  }
  return overtaken
}

const conclude = (pending: FaultActions.PendingVerdict, flow: FaultMatch.Flow, now: number): FaultVerdict.Verdict => {
  const { hold, isDropped, packet } = pending
  if (isDropped || packet.transport === "tcp") return FaultActions.toVerdict(pending, undefined, [])
  if (hold === undefined) return FaultActions.toVerdict(pending, undefined, takeOvertaken(flow, now))
  const { maxHoldNanos, overtakers, ruleState } = hold
  const held = FaultVerdict.makeHeld(maxHoldNanos)
  flow.holds.push({ ruleState, datagram: held, until: now + maxHoldNanos, overtakersLeft: overtakers })
  return FaultActions.toVerdict(pending, held, [])
}

/** Returns true if no rule can apply any more. */
const isInactive = ({ healedAt, ruleStates }: Engine) => healedAt !== undefined || ruleStates.length === 0

/**
 * Decides about a packet: each rule that matches it counts it, and applies if the count and its random choice say so.
 * The order of the rules is that of the plan; random choices depend on the rule and its count only.
 */
const decide =
  (engine: Engine): FaultEngine["decide"] =>
  (packet, at, from, to) => {
    if (isInactive(engine)) return FaultVerdict.deliver
    const now = at - engine.startNanos
    const flow = engine.flowOf(packet, from, to)
    const { flowRules, holds } = flow
    const kindOf = FaultMatch.kindOf(packet, engine.dissectors)
    let pending: FaultActions.PendingVerdict | undefined
    for (let i = 0; i < flowRules.length; i++) {
      const flowRule = flowRules[i]!
      FaultActions.resetOffset(flowRule, packet)
      if (!FaultMatch.matches(flowRule, packet, now, kindOf)) continue
      const n = FaultMatch.counts(flowRule, now)
      const applies = FaultSelection.applies(flowRule.ruleState, n)
      if (!applies || pending?.isDropped) continue
      pending ??= FaultActions.pendingVerdict(packet)
      const fault = FaultActions.apply(pending, flowRule, flow, n, now)
      if (fault !== undefined) record(engine, pending, flowRule, fault)
    }
    if (pending === undefined && (packet.transport === "tcp" || holds.length === 0)) return FaultVerdict.deliver
    return conclude(pending ?? FaultActions.pendingVerdict(packet), flow, now)
  }

const isPartitioned =
  (engine: Engine): FaultEngine["isPartitioned"] =>
  (from, to, at) => {
    const one = FaultMatch.hostAddress(engine.nameOf(from) ?? from, from)
    const other = FaultMatch.hostAddress(engine.nameOf(to) ?? to, to)
    return engine.ruleStates.some((ruleState) => {
      const { hasPorts, isPartition, rule } = ruleState
      if (isInactive(engine) || !isPartition || hasPorts) return false
      if (!FaultSelection.isInWindow(ruleState, at - engine.startNanos)) return false
      const { backward, forward } = FaultMatch.directions(rule.pair, one, other)
      return forward || backward
    })
  }

const diskFault =
  (engine: Engine): FaultEngine["diskFault"] =>
  (host, operation, at) => {
    const { counts, diskStates, healedAt, maxRecordedFaults, startNanos } = engine
    if (healedAt !== undefined) return undefined
    const onApplied = (index: number) => void counts[index]!++
    return FaultDisk.decide(diskStates, host, operation, at - startNanos, onApplied, maxRecordedFaults)
  }

/** Returns the time of the plan at which a rule can apply no more. */
const faultEndOf = ({ healedAt, stateOfRule }: Engine, rule: FaultPlan.Rule, index: number): number | undefined => {
  const state = stateOfRule[index]
  if (state === undefined) return "at" in rule ? (("until" in rule ? rule.until : undefined) ?? rule.at) : 0
  if (healedAt !== undefined) return healedAt
  const exhausted = Math.min(state.exhaustedAt ?? Number.POSITIVE_INFINITY, state.windowEnd)
  const duration = FaultPlan.durationOf(rule)
  const lasts = duration === undefined ? 0 : FaultDuration.bounds(duration).to
  return exhausted === Number.POSITIVE_INFINITY ? undefined : exhausted + lasts
}

/** Returns the rules without random choices that had the effect of a rule. */
const concreteRules = ({ counts, stateOfRule }: Engine, rule: FaultPlan.Rule, index: number): FaultPlan.FaultPlan => {
  if (counts[index] === 0) return []
  const state = stateOfRule[index]
  if (state?.isRandom !== true || state.applied === undefined) return [rule]
  return isDiskState(state) ? state.applied.map(FaultDisk.concreteRule) : state.applied.map(FaultMatch.concreteRule)
}

/** Creates an engine for a plan. @category constructors @since 0.1.0 */
export const make = (plan: FaultPlan.FaultPlan, options: Options = {}): FaultEngine => {
  const { dissectors = [], nameOf = constUndefined, maxRecordedFaults = 10_000, seed = 0, startNanos = 0 } = options
  const counts = plan.map(() => 0)
  const stateOfRule = ruleStatesOf(plan, seed)
  const states = stateOfRule.filter((state) => state !== undefined)
  const ruleStates = states.filter((state): state is FaultMatch.RuleState => !isDiskState(state))
  const diskStates = states.filter(isDiskState)
  const flowOf = FaultMatch.makeFlowTable(ruleStates, nameOf)
  const settings: Settings = { dissectors, nameOf, maxRecordedFaults, seed, startNanos }
  const engine: Engine = { ...settings, counts, stateOfRule, ruleStates, diskStates, flowOf, healedAt: undefined }
  return {
    decide: decide(engine),
    isPartitioned: isPartitioned(engine),
    hostEvents: () => plan.flatMap((_, index) => hostEventsOf(plan, index, startNanos)).sort((a, b) => a.at - b.at),
    recordHostEvent: (event) => {
      const isEnd = event.event === "drift" && event.ppm === 0
      if (event.event === plan[event.ruleIndex]?.action && !isEnd) counts[event.ruleIndex]!++
    },
    diskFault: diskStates.length === 0 ? constUndefined : diskFault(engine),
    counts: () => counts.slice(),
    unused: () => plan.filter((_, index) => counts[index] === 0),
    concrete: () => plan.flatMap((rule, index) => concreteRules(engine, rule, index)),
    faultsEnd: () => {
      const ends = plan.map((rule, index) => faultEndOf(engine, rule, index))
      return ends.every((end) => end !== undefined) ? startNanos + Math.max(0, ...ends) : undefined
    },
    heal: (at) => {
      engine.healedAt ??= at - startNanos
    }
  }
}
