/**
 * Carries a fault plan out: is asked about every packet, and tells what becomes of it. It knows no network and no
 * clock: whoever carries the packets asks, and does as it says.
 *
 * The same plan, seed and packets give the same verdicts. What chance decided is kept, so that a run can be told, and
 * repeated, as a plan without chance.
 */
import * as Packet from "../../network/Packet.ts"
import * as FaultApply from "./FaultApply.ts"
import * as FaultMatch from "./FaultMatch.ts"
import * as FaultPlan from "./FaultPlan.ts"
import * as FaultPlanSyntax from "./FaultPlanSyntax.ts"
import * as FaultRandom from "./FaultRandom.ts"
import * as FaultVerdict from "./FaultVerdict.ts"

/** What the engine has to know besides the plan. @category models @since 0.1.0 */
export interface Options {
  /** Default 0. */
  readonly seed?: FaultRandom.Seed | undefined
  /** Who tells the kind of a payload; the first that knows it does. Default: nobody. */
  readonly dissectors?: ReadonlyArray<Packet.Dissector> | undefined
  /** The host that has an address; asked once for each. Default: no address has a name. */
  readonly nameOf?: ((address: string) => string | undefined) | undefined
  /** When the plan's time begins, in nanoseconds of the clock that `decide` is given. Default 0. */
  readonly startNanos?: number | undefined
  /** How many faults of one rule by chance are remembered for `concrete`. Default 10,000. */
  readonly maxRecordedFaults?: number | undefined
}

/** Something that happens to a host by itself. @category models @since 0.1.0 */
export interface HostEvent {
  /** Nanoseconds of the clock that `decide` is given. */
  readonly at: number
  readonly host: string
  readonly event: "pause" | "resume" | "crash" | "restart"
  /** The place of its rule in the plan. */
  readonly ruleIndex: number
}

/** A plan being carried out. Times are nanoseconds, as numbers. @category models @since 0.1.0 */
export interface FaultEngine {
  /**
   * What becomes of a packet that is sent now; `from` and `to` name the hosts if the network knows better than the
   * addresses tell, as it does for a broadcast. To be asked about every datagram, every piece of a stream, and all else
   * that shall wait in a partition; what it is told later is sent later.
   */
  readonly decide: (packet: Packet.Packet, now: number, from?: string, to?: string) => FaultVerdict.Verdict
  /** Whether a partition keeps one host from sending to another. They are named as the plan does, or by address. */
  readonly isPartitioned: (from: string, to: string, now: number) => boolean
  /** What shall happen to hosts, by time; `happened` counts it. */
  readonly hostEvents: () => ReadonlyArray<HostEvent>
  readonly recordHostEvent: (event: HostEvent) => void
  /** How often each rule was applied, in the order of the plan. */
  readonly counts: () => ReadonlyArray<number>
  /** The rules that were never applied. */
  readonly unused: () => FaultPlan.FaultPlan
  /**
   * The plan that does the same to the same packets, without chance where that can be told: each fault that was drawn
   * is a rule of its own, about the nth packet from one host to another. Rules that were not applied are left out.
   */
  readonly concrete: () => FaultPlan.FaultPlan
  /** When the last fault is over, as far as can be told now; undefined if there may always be another. */
  readonly faultsEnd: () => number | undefined
  /** Ends all faults of packets: whatever is sent from now on arrives. */
  readonly heal: (now: number) => void
}

const hostEventsOf = (plan: FaultPlan.FaultPlan, index: number, start: number): ReadonlyArray<HostEvent> => {
  const rule = plan[index]!
  if (!FaultPlan.isHostRule(rule)) return []
  const { action, at, host } = rule
  const first: HostEvent = { at: start + at, host, event: action, ruleIndex: index }
  if (action === "restart" || rule.until === undefined) return [first]
  return [first, { at: start + rule.until, host, event: action === "pause" ? "resume" : "restart", ruleIndex: index }]
}

/** Begins to carry a plan out. @category constructors @since 0.1.0 */
export const make = (plan: FaultPlan.FaultPlan, options: Options = {}): FaultEngine => {
  const { dissectors = [], nameOf = () => undefined, maxRecordedFaults = 10_000, seed = 0, startNanos = 0 } = options
  const counts = plan.map(() => 0)
  const duplicates = new Map<string, number>()
  const stateOfRule = plan.map((rule, index) => {
    if (FaultPlan.isHostRule(rule)) return undefined
    const text = FaultPlanSyntax.formatRule(rule)
    const duplicate = duplicates.get(text) ?? 0
    duplicates.set(text, duplicate + 1)
    return FaultMatch.makeRuleState(rule, text, index, seed, duplicate)
  })
  const ruleStates = stateOfRule.filter((ruleState) => ruleState !== undefined)
  const flowOf = FaultMatch.makeFlowTable(ruleStates, nameOf)
  let healedAt: number | undefined
  let isInactive = ruleStates.length === 0

  const recordApplied = (ruleState: FaultMatch.RuleState, fault: FaultMatch.TrafficRule, ruleFlow: FaultMatch.RuleFlow | undefined) => {
    if (!ruleState.isRandom || ruleState.applied === undefined || fault.action === "partition") return
    ruleState.applied.push({ fault, pair: ruleFlow?.pair, nth: ruleFlow?.matched ?? ruleState.matched })
    if (ruleState.applied.length > maxRecordedFaults) ruleState.applied = undefined
  }

  /** Those that a datagram overtakes that is on its way now. */
  const takeOvertaken = ({ holds }: FaultMatch.Flow, now: number) => {
    const overtaken: Array<FaultVerdict.HeldDatagram> = []
    for (let i = holds.length - 1; i >= 0; i--) {
      const hold = holds[i]!
      if (now < hold.until && --hold.overtakersLeft === 0) overtaken.unshift(hold.datagram)
      if (now >= hold.until || hold.overtakersLeft === 0) holds.splice(i, 1)
    }
    return overtaken
  }

  const conclude = (pending: FaultApply.PendingVerdict, flow: FaultMatch.Flow, now: number): FaultVerdict.Verdict => {
    if (pending.isDropped || pending.packet.transport === "tcp") {
      return FaultApply.toVerdict(pending, undefined, [])
    }
    if (pending.hold !== undefined) {
      const { overtakers, ruleState, maxHoldNanos } = pending.hold
      const held = FaultVerdict.makeHeld(maxHoldNanos)
      flow.holds.push({ ruleState, datagram: held, until: now + maxHoldNanos, overtakersLeft: overtakers })
      return FaultApply.toVerdict(pending, held, [])
    }
    return FaultApply.toVerdict(pending, undefined, takeOvertaken(flow, now))
  }

  const decide: FaultEngine["decide"] = (packet, at, from, to) => {
    if (isInactive) return FaultVerdict.deliver
    const now = at - startNanos
    const isUdp = packet.transport === "udp"
    const isPayload = packet.kind === "datagram" || packet.kind === "data"
    const flow = flowOf(packet, from, to)
    const { flowRules } = flow
    let kind: string | undefined
    let isDissected = !isPayload
    let pending: FaultApply.PendingVerdict | undefined
    for (let i = 0; i < flowRules.length; i++) {
      const flowRule = flowRules[i]!
      const { ruleFlow, ruleState } = flowRule
      if (!isPayload) FaultApply.resetOffset(flowRule, packet)
      if (now < ruleState.windowStart || now >= ruleState.windowEnd || !(isUdp ? ruleState.udp : ruleState.tcp)) continue
      if (ruleState.kind === undefined) {
        if (!isPayload && !ruleState.isPartition) continue
      } else if (ruleState.kind !== packet.kind) {
        if (!isDissected) {
          kind = Packet.dissect(dissectors, packet)?.kind
          isDissected = true
        }
        if (ruleState.kind !== kind) continue
      }
      if (ruleState.hasPorts && !FaultMatch.hasPorts(flowRule, packet)) continue
      const n = ++ruleState.matched
      if (ruleFlow !== undefined) ruleFlow.matched++
      if (n === ruleState.lastNth) ruleState.exhaustedAt = now
      if (pending?.isDropped || n < ruleState.firstNth || n > ruleState.lastNth) continue
      if (ruleState.probability < 1 && FaultRandom.draw(ruleState.randomKey, n, 0) >= ruleState.probability) continue
      pending ??= FaultApply.pendingVerdict(packet)
      const fault = FaultApply.apply(pending, flowRule, flow, n, now)
      if (fault === undefined) continue
      const note = fault === ruleState.rule ? ruleState.note : FaultMatch.note(fault)
      pending.note = pending.note === undefined ? note : `${pending.note}, ${note}`
      counts[ruleState.index]!++
      recordApplied(ruleState, fault, ruleFlow)
    }
    if (pending === undefined) {
      if (!isUdp || flow.holds.length === 0) return FaultVerdict.deliver
      pending = FaultApply.pendingVerdict(packet)
    }
    return conclude(pending, flow, now)
  }

  const faultEndOf = (rule: FaultPlan.Rule, index: number): number | undefined => {
    if (FaultPlan.isHostRule(rule)) return ("until" in rule ? rule.until : undefined) ?? rule.at
    if (healedAt !== undefined) return healedAt
    if (rule.action === "partition") return rule.window?.to
    const ruleState = stateOfRule[index]!
    const exhausted = Math.min(ruleState.exhaustedAt ?? Number.POSITIVE_INFINITY, ruleState.windowEnd)
    return exhausted === Number.POSITIVE_INFINITY ? undefined : exhausted + (FaultPlan.durationOf(rule)?.to ?? 0)
  }

  return {
    decide,
    isPartitioned: (from, to, at) => {
      const one = FaultMatch.hostAddress(nameOf(from) ?? from, from)
      const other = FaultMatch.hostAddress(nameOf(to) ?? to, to)
      const now = at - startNanos
      return ruleStates.some((ruleState) => {
        if (isInactive || !ruleState.isPartition || ruleState.hasPorts || now < ruleState.windowStart || now >= ruleState.windowEnd) return false
        const { backward, forward } = FaultMatch.directions(ruleState.rule.pair, one, other)
        return forward || backward
      })
    },
    hostEvents: () => plan.flatMap((_, index) => hostEventsOf(plan, index, startNanos)).sort((a, b) => a.at - b.at),
    recordHostEvent: ({ event, ruleIndex }) => {
      if (event === plan[ruleIndex]?.action) counts[ruleIndex]!++
    },
    counts: () => counts.slice(),
    unused: () => plan.filter((_, index) => counts[index] === 0),
    concrete: () =>
      plan.flatMap((rule, index) => {
        if (counts[index] === 0) return []
        const ruleState = stateOfRule[index]
        return ruleState?.isRandom === true && ruleState.applied !== undefined ? ruleState.applied.map(FaultMatch.concreteRule) : [rule]
      }),
    faultsEnd: () => {
      const ends = plan.map(faultEndOf)
      return ends.every((end) => end !== undefined) ? startNanos + Math.max(0, ...ends) : undefined
    },
    heal: (at) => {
      isInactive = true
      healedAt ??= at - startNanos
    }
  }
}
