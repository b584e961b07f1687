/**
 * A fault engine for a live network, with an engine of its own for each direction.
 *
 * On a live network it is a matter of chance how requests and replies interleave. With one engine for both, the random
 * choices for the requests would depend on it. With two, the nth packet in a direction has the same fate in every run.
 */
import type { Packet } from "../../network/Packet.ts"
import * as FaultEngine from "../faults/FaultEngine.ts"
import * as FaultPlan from "../faults/FaultPlan.ts"
import type * as FaultVerdict from "../faults/FaultVerdict.ts"

/** Direction of a packet, as the impaired program sees it. */
export type Direction = "outbound" | "inbound"

/** A fault engine that knows the direction of a packet. `decide` counts a packet as outbound. */
export interface DirectionalEngine extends FaultEngine.FaultEngine {
  readonly decideFor: (direction: Direction, packet: Packet, now: number) => FaultVerdict.Verdict
}

/** Returns true if a rule numbers packets: its numbers run over both directions, so that one engine has to count. */
const isNumbered = (rule: FaultPlan.Rule) => !FaultPlan.isHostRule(rule) && "nth" in rule && rule.nth !== undefined

const latest = (one: number | undefined, other: number | undefined) =>
  one === undefined || other === undefined ? undefined : Math.max(one, other)

/** Creates the engines of a plan: one if the plan numbers packets, else two. */
export const make = (plan: FaultPlan.FaultPlan, options: FaultEngine.Options = {}): DirectionalEngine => {
  const outbound = FaultEngine.make(plan, options)
  if (plan.some(isNumbered))
    return { ...outbound, decideFor: (_direction, packet, now) => outbound.decide(packet, now) }
  const inbound = FaultEngine.make(plan, { ...options, seed: `${options.seed ?? 0} inbound` })
  const counts = () => {
    const replies = inbound.counts()
    return outbound.counts().map((count, index) => count + replies[index]!)
  }
  return {
    ...outbound,
    decideFor: (direction, packet, now) => (direction === "inbound" ? inbound : outbound).decide(packet, now),
    counts,
    unused: () => {
      const all = counts()
      return plan.filter((_, index) => all[index] === 0)
    },
    concrete: () => [...outbound.concrete(), ...inbound.concrete()],
    faultsEnd: () => latest(outbound.faultsEnd(), inbound.faultsEnd()),
    heal: (now) => {
      outbound.heal(now)
      inbound.heal(now)
    }
  }
}
