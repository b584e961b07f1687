/**
 * A fault plan: the faults of a network as a value, which is a list of rules.
 *
 * A rule selects packets and states what happens to them. Each rule counts all packets that match it, independent of
 * the other rules; rules that apply to the same packet do so in the order of the plan.
 *
 * Times are whole nanoseconds; those of windows are since the start of the run. `FaultPlanSyntax` reads and writes
 * plans as one line of text, `FaultEngine` executes them.
 */
import * as Data from "effect/Data"
import { dual } from "effect/Function"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { canonicalIp } from "./FaultFields.ts"
import { type Action, actions, isHostRule, Rule } from "./FaultRule.ts"

export * from "./FaultFields.ts"
export * from "./FaultRule.ts"

/**
 * A fault plan: a list of rules.
 *
 * **Example** (A plan as a value and as text)
 *
 * ```ts
 * import { FaultPlan, FaultPlanSyntax } from "effect-inet/simulation"
 *
 * const plan: FaultPlan.FaultPlan = [
 *   { action: "drop", nth: { from: 3, to: 3 } },
 *   { action: "delay", by: { from: 20e6, to: 40e6 }, transport: "tcp" }
 * ]
 * FaultPlanSyntax.format(plan) // => "drop=#3, delay=20ms..40ms tcp"
 * plan.flatMap(FaultPlan.hostsOf) // => []
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export const FaultPlan = Schema.Array(Rule)
/** A fault plan: a list of rules. @category models @since 0.1.0 */
export type FaultPlan = typeof FaultPlan.Type

const list = (words: ReadonlyArray<string>) => new Intl.ListFormat("en", { type: "conjunction" }).format(words)

/** Syntax error in the text of a plan. `column` counts from 1. @category errors @since 0.1.0 */
export class Malformed extends Data.TaggedClass("Malformed")<{
  readonly column: number
  readonly expected: string
  /** Text at that column; empty at the end of the text. */
  readonly found: string
}> {
  get message(): string {
    const found = this.found === "" ? "the end" : JSON.stringify(this.found)
    return `column ${this.column}: expected ${this.expected}, found ${found}`
  }
}

/** A datagram fault for TCP, or a stream fault for UDP. @category errors @since 0.1.0 */
export class WrongTransport extends Data.TaggedClass("WrongTransport")<{
  readonly column: number
  readonly action: Action
  readonly transport: "udp" | "tcp"
}> {
  get message(): string {
    const { action, column, transport } = this
    return `column ${column}: ${action} does not apply to ${transport}; its faults are ${list(actions[transport])}`
  }
}

/** The plan names a host that does not exist. @category errors @since 0.1.0 */
export class UnknownHost extends Data.TaggedClass("UnknownHost")<{
  readonly host: string
  readonly hosts: ReadonlyArray<string>
}> {
  get message(): string {
    const { host, hosts } = this
    return `unknown host ${host}: ${hosts.length === 0 ? "the network has no hosts" : `the hosts are ${list(hosts)}`}`
  }
}

/** An invalid fault plan. @category errors @since 0.1.0 */
export class FaultPlanError extends Data.TaggedError("FaultPlanError")<{
  readonly reason: Malformed | WrongTransport | UnknownHost
}> {
  override get message(): string {
    return this.reason.message
  }
}

/** Returns the hosts that a rule names, without `*`. @category combinators @since 0.1.0 */
export const hostsOf = (rule: Rule): ReadonlyArray<string> => {
  if (isHostRule(rule)) return [rule.host]
  return rule.pair === undefined ? [] : [rule.pair.from.host, rule.pair.to.host].filter((host) => host !== "*")
}

/**
 * Returns the plan if all hosts it names exist; IP addresses in its pairs need not. Fails with `UnknownHost`.
 *
 * **Example** (A plan for two hosts)
 *
 * ```ts
 * import * as Result from "effect/Result"
 * import { FaultPlan, FaultPlanSyntax } from "effect-inet/simulation"
 *
 * const checked = Result.flatMap(FaultPlanSyntax.parse("drop=5% a>b, crash=c@1s"), FaultPlan.check(["a", "b"]))
 * Result.isFailure(checked) && checked.failure.message // => "unknown host c: the hosts are a and b"
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const check: {
  (hosts: ReadonlyArray<string>): (plan: FaultPlan) => Result.Result<FaultPlan, FaultPlanError>
  (plan: FaultPlan, hosts: ReadonlyArray<string>): Result.Result<FaultPlan, FaultPlanError>
} = dual(2, (plan: FaultPlan, hosts: ReadonlyArray<string>): Result.Result<FaultPlan, FaultPlanError> => {
  for (const rule of plan) {
    const isKnown = (host: string) => hosts.includes(host) || (!isHostRule(rule) && canonicalIp(host) !== undefined)
    const host = hostsOf(rule).find((host) => !isKnown(host))
    if (host !== undefined) return Result.fail(new FaultPlanError({ reason: new UnknownHost({ host, hosts }) }))
  }
  return Result.succeed(plan)
})
