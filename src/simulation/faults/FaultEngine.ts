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
import * as FaultText from "./FaultPlanSyntax.ts"
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
  readonly start?: number | undefined
  /** How many faults of one rule by chance are remembered for `concrete`. Default 10,000. */
  readonly remember?: number | undefined
}

/** Something that happens to a host by itself. @category models @since 0.1.0 */
export interface HostEvent {
  /** Nanoseconds of the clock that `decide` is given. */
  readonly at: number
  readonly host: string
  readonly event: "pause" | "resume" | "crash" | "restart"
  /** The place of its rule in the plan. */
  readonly rule: number
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
  readonly happened: (event: HostEvent) => void
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
  const first: HostEvent = { at: start + at, host, event: action, rule: index }
  if (action === "restart" || rule.until === undefined) return [first]
  return [first, { at: start + rule.until, host, event: action === "pause" ? "resume" : "restart", rule: index }]
}

/** Begins to carry a plan out. @category constructors @since 0.1.0 */
export const make = (plan: FaultPlan.FaultPlan, options: Options = {}): FaultEngine => {
  const { dissectors = [], nameOf = () => undefined, remember = 10_000, seed = 0, start = 0 } = options
  const counts = plan.map(() => 0)
  const twins = new Map<string, number>()
  const byRule = plan.map((rule, index) => {
    if (FaultPlan.isHostRule(rule)) return undefined
    const text = FaultText.formatRule(rule)
    const twin = twins.get(text) ?? 0
    twins.set(text, twin + 1)
    return FaultMatch.watch(rule, text, index, seed, twin)
  })
  const watches = byRule.filter((watch) => watch !== undefined)
  const flowOf = FaultMatch.flows(watches, nameOf)
  let healed: number | undefined
  let isQuiet = watches.length === 0

  const remembers = (watch: FaultMatch.Watch, act: FaultMatch.Watched, lane: FaultMatch.Lane | undefined) => {
    if (!watch.draws || watch.applied === undefined || act.action === "partition") return
    watch.applied.push({ act, pair: lane?.pair, n: lane?.seen ?? watch.seen })
    if (watch.applied.length > remember) watch.applied = undefined
  }

  /** Those that a datagram overtakes that is on its way now. */
  const overtake = ({ holds }: FaultMatch.Flow, now: number) => {
    const overtaken: Array<FaultVerdict.Held> = []
    for (let i = holds.length - 1; i >= 0; i--) {
      const hold = holds[i]!
      if (now < hold.until && --hold.left === 0) overtaken.unshift(hold.held)
      if (now >= hold.until || hold.left === 0) holds.splice(i, 1)
    }
    return overtaken
  }

  const conclude = (fate: FaultApply.Fate, flow: FaultMatch.Flow, now: number): FaultVerdict.Verdict => {
    if (fate.isGone || fate.packet.transport === "tcp") {
      return FaultApply.verdict(fate, undefined, [])
    }
    if (fate.hold !== undefined) {
      const { by, watch, within } = fate.hold
      const held = FaultVerdict.held(within)
      flow.holds.push({ watch, held, until: now + within, left: by })
      return FaultApply.verdict(fate, held, [])
    }
    return FaultApply.verdict(fate, undefined, overtake(flow, now))
  }

  const decide: FaultEngine["decide"] = (packet, at, from, to) => {
    if (isQuiet) return FaultVerdict.deliver
    const now = at - start
    const isUdp = packet.transport === "udp"
    const isPayload = packet.kind === "datagram" || packet.kind === "data"
    const flow = flowOf(packet, from, to)
    const { entries } = flow
    let kind: string | undefined
    let isDissected = !isPayload
    let fate: FaultApply.Fate | undefined
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]!
      const { lane, watch } = entry
      if (!isPayload) FaultApply.renew(entry, packet)
      if (now < watch.from || now >= watch.to || !(isUdp ? watch.udp : watch.tcp)) continue
      if (watch.kind === undefined) {
        if (!isPayload && !watch.isPartition) continue
      } else if (watch.kind !== packet.kind) {
        if (!isDissected) {
          kind = Packet.dissect(dissectors, packet)?.kind
          isDissected = true
        }
        if (watch.kind !== kind) continue
      }
      if (watch.hasPorts && !FaultMatch.hasPorts(entry, packet)) continue
      const n = ++watch.seen
      if (lane !== undefined) lane.seen++
      if (n === watch.last) watch.exhausted = now
      if (fate?.isGone || n < watch.first || n > watch.last) continue
      if (watch.rate < 1 && FaultRandom.draw(watch.key, n, 0) >= watch.rate) continue
      fate ??= FaultApply.fate(packet)
      const act = FaultApply.apply(fate, entry, flow, n, now)
      if (act === undefined) continue
      const note = act === watch.rule ? watch.note : FaultMatch.note(act)
      fate.note = fate.note === undefined ? note : `${fate.note}, ${note}`
      counts[watch.index]!++
      remembers(watch, act, lane)
    }
    if (fate === undefined) {
      if (!isUdp || flow.holds.length === 0) return FaultVerdict.deliver
      fate = FaultApply.fate(packet)
    }
    return conclude(fate, flow, now)
  }

  const endOf = (rule: FaultPlan.Rule, index: number): number | undefined => {
    if (FaultPlan.isHostRule(rule)) return ("until" in rule ? rule.until : undefined) ?? rule.at
    if (healed !== undefined) return healed
    if (rule.action === "partition") return rule.window?.to
    const watch = byRule[index]!
    const over = Math.min(watch.exhausted ?? Number.POSITIVE_INFINITY, watch.to)
    return over === Number.POSITIVE_INFINITY ? undefined : over + (FaultPlan.timeOf(rule)?.to ?? 0)
  }

  return {
    decide,
    isPartitioned: (from, to, at) => {
      const one = FaultMatch.site(nameOf(from) ?? from, from)
      const other = FaultMatch.site(nameOf(to) ?? to, to)
      const now = at - start
      return watches.some((watch) => {
        if (isQuiet || !watch.isPartition || watch.hasPorts || now < watch.from || now >= watch.to) return false
        const { backward, forward } = FaultMatch.directions(watch.rule.pair, one, other)
        return forward || backward
      })
    },
    hostEvents: () => plan.flatMap((_, index) => hostEventsOf(plan, index, start)).sort((a, b) => a.at - b.at),
    happened: ({ event, rule }) => {
      if (event === plan[rule]?.action) counts[rule]!++
    },
    counts: () => counts.slice(),
    unused: () => plan.filter((_, index) => counts[index] === 0),
    concrete: () =>
      plan.flatMap((rule, index) => {
        if (counts[index] === 0) return []
        const watch = byRule[index]
        return watch?.draws === true && watch.applied !== undefined ? watch.applied.map(FaultMatch.settled) : [rule]
      }),
    faultsEnd: () => {
      const ends = plan.map(endOf)
      return ends.every((end) => end !== undefined) ? start + Math.max(0, ...ends) : undefined
    },
    heal: (at) => {
      isQuiet = true
      healed ??= at - start
    }
  }
}
