/**
 * Checks a scenario on simulated networks: runs it with many seeds and many faults, each run twice, and shrinks the
 * first failure.
 *
 * Environment variables repeat a failure. `SIM_SEED` is the first seed, and the only one unless `SIM_RUNS` is set.
 * `SIM_RUNS` is the number of seeds. `SIM_PLAN` is the fault plan of all runs (`none` for no faults).
 */
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type * as Packet from "../network/Packet.ts"
import * as FaultArbitrary from "./faults/FaultArbitrary.ts"
import * as FaultPlan from "./faults/FaultPlan.ts"
import * as FaultPlanClauses from "./faults/FaultPlanClauses.ts"
import * as FaultPlanSyntax from "./faults/FaultPlanSyntax.ts"
import * as FaultShrink from "./faults/FaultShrink.ts"
import * as SimSchedulerShrink from "./runtime/SimSchedulerShrink.ts"
import * as SimCheckError from "./SimCheckError.ts"
import * as Simulation from "./Simulation.ts"

/** Options of a check. @category models @since 0.1.0 */
export interface Options extends Omit<Simulation.Options, "seed" | "plan" | "tap"> {
  /** First seed; each run uses the next one. Default `SIM_SEED`, or 1. */
  readonly seed?: number | undefined
  /** Number of seeds. Default `SIM_RUNS`; else 1 if `SIM_SEED` is set, and 100 if not. */
  readonly runs?: number | undefined
  /** Fault plan of every run; each rule must apply in at least one run. Default: the generated plans, or no faults. */
  readonly plan?: FaultPlan.FaultPlan | string | undefined
  /** Options of fault plans that are generated, one for each seed. */
  readonly generate?: FaultArbitrary.Options | undefined
  /** States that at least one run must reach, besides those that the scenario marks. Default: none. */
  readonly sometimes?: ReadonlyArray<string> | undefined
}

/** Statistics of a check that found no failure. @category models @since 0.1.0 */
export interface Summary {
  readonly runs: number
  readonly packets: number
  /** Number of faults applied. */
  readonly faults: number
  /** Number of rules in generated plans that never applied. */
  readonly unused: number
  /** Virtual nanoseconds, summed over all runs. */
  readonly time: number
  /** Number of runs that reached each state. */
  readonly reached: ReadonlyMap<string, number>
}

type Reason = SimCheckError.SimCheckError["reason"]
type Report = Simulation.Report<unknown, unknown>

const misconfigured = (error: { readonly message: string }) =>
  new SimCheckError.SimCheckError({
    reason: new SimCheckError.Misconfigured({ message: error.message, cause: error }),
    cause: error
  })

/** Returns the reason for which a single run failed, if it did. */
const failureOf = ({ exit, leaked, outcome }: Report): Reason | undefined => {
  if (outcome === "deadlock") return new SimCheckError.Deadlock()
  if (outcome === "deadline") return new SimCheckError.DeadlineExceeded()
  if (Exit.isFailure(exit)) return new SimCheckError.Failed({ cause: exit.cause })
  return leaked.sockets + leaked.timers > 0 ? new SimCheckError.Leaked(leaked) : undefined
}

/** Hashes a packet; different packets almost certainly have different hashes. */
const fingerprint = ({ arrives, at, bytes, fault = "", from, kind, to }: Packet.ObservedPacket): number => {
  let state = Number(at) ^ Math.imul(Number(arrives ?? -1n), 0x9e3779b1)
  const add = (value: number) => {
    state = Math.imul(state ^ value, 0x01000193)
    state ^= state >>> 13
  }
  const addText = (text: string) => {
    for (let i = 0; i < text.length; i++) add(text.charCodeAt(i))
  }
  addText(from.address)
  add(from.port)
  addText(to.address)
  add(to.port)
  addText(kind)
  addText(fault)
  for (let i = 0; i < bytes.length; i++) add(bytes[i]!)
  return state
}

const formatPacket = ({ at, from, kind, to }: Packet.ObservedPacket) =>
  `${kind} ${from.address}:${from.port} to ${to.address}:${to.port} at ${FaultPlanClauses.formatNanos(Number(at))}`

/** Creates a tap that records packets, and one that compares later packets with them. */
const traceComparison = () => {
  const expected: Array<number> = []
  let count = 0
  let difference: string | undefined
  return {
    record: (packet: Packet.ObservedPacket) => void expected.push(fingerprint(packet)),
    compare: (packet: Packet.ObservedPacket) => {
      if (expected[count++] !== fingerprint(packet))
        difference ??= `packet ${count} of the second is ${formatPacket(packet)}`
    },
    /** Returns how two runs differ. */
    difference: (one: Report, other: Report): string | undefined => {
      if (difference !== undefined) return difference
      if (one.packets !== other.packets) return `${one.packets} packets, then ${other.packets}`
      if (one.time === other.time && Exit.isSuccess(one.exit) === Exit.isSuccess(other.exit)) return undefined
      return `one ended at ${FaultPlanClauses.formatNanos(one.time)}, the other at ${FaultPlanClauses.formatNanos(other.time)}`
    }
  }
}

const planOf = (given: FaultPlan.FaultPlan | string) =>
  typeof given === "string"
    ? given === "none"
      ? Result.succeed([])
      : FaultPlanSyntax.parse(given)
    : Result.succeed(given)

/** Combines the options and the environment. */
const settingsOf = Effect.fnUntraced(function* (options: Options) {
  const environment = yield* Config.all({
    seed: Config.option(Config.Int("SIM_SEED")),
    runs: Config.option(Config.Int("SIM_RUNS")),
    plan: Config.option(Config.String("SIM_PLAN"))
  })
  const seed = Option.getOrUndefined(environment.seed)
  const given = Option.getOrElse(environment.plan, () => options.plan)
  const runs = Option.getOrUndefined(environment.runs) ?? (seed === undefined ? (options.runs ?? 100) : 1)
  if (runs < 1) return yield* Effect.fail(new Error(`invalid number of runs ${runs}: must be at least 1`))
  return {
    first: seed ?? options.seed ?? 1,
    runs,
    plan: given === undefined ? undefined : yield* Effect.fromResult(planOf(given)),
    /** A replay of one run does not decide whether some run reaches a state. */
    isReplay: seed !== undefined || Option.isSome(environment.plan)
  }
})

/**
 * Runs a scenario with every seed and returns statistics if no run fails.
 *
 * Fails with `SimCheckError` if a run fails, does not end, leaks sockets or timers, or differs when repeated; if a
 * rule of the plan never applies; or if a state is never reached.
 *
 * **Example** (A request under delays and small TCP segments)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as NetAddress from "effect/net/NetAddress"
 * import { Network } from "effect-inet/network"
 * import { Rot13Client, Rot13Server } from "effect-inet/rot13"
 * import { SimCheck } from "effect-inet/simulation"
 *
 * const check = SimCheck.check(
 *   Effect.fnUntraced(function* ({ host }) {
 *     const [server, client] = [yield* host("server"), yield* host("client")]
 *     yield* server.start(Rot13Server.make({ host: "0.0.0.0", port: 1067 }))
 *     const request = Effect.flatMap(Network.Network, ({ connect }) =>
 *       Effect.flatMap(connect(NetAddress.inetAddressFromIpStringUnsafe(server.address, 1067)), (connection) =>
 *         Rot13Client.request(connection, new TextEncoder().encode("Hello"))
 *       )
 *     )
 *     const reply = new TextDecoder().decode(yield* client.run(request))
 *     if (reply !== "Uryyb") yield* Effect.fail(new Error(`wrong reply: ${reply}`))
 *   }),
 *   { plan: "chunk=1, delay=10% 1ms..50ms", runs: 20 }
 * )
 * const summary = await Effect.runPromise(check)
 * summary.runs // => 20
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const check = Effect.fnUntraced(function* <A, E, R>(
  scenario: (simulation: Simulation.Simulation) => Effect.Effect<A, E, R>,
  options: Options = {}
): Effect.fn.Return<Summary, SimCheckError.SimCheckError, Exclude<R, Scope.Scope>> {
  const { first, isReplay, plan: fixed, runs } = yield* Effect.mapError(settingsOf(options), misconfigured)
  const { generate, plan: _, runs: __, sometimes = [], ...rest } = options
  const runOnce = (seed: number, plan: FaultPlan.FaultPlan, tap?: Packet.Tap) =>
    Simulation.run(scenario, { ...rest, seed, plan, tap })

  const runTwice = Effect.fnUntraced(function* (seed: number, plan: FaultPlan.FaultPlan) {
    const trace = traceComparison()
    const report = yield* runOnce(seed, plan, trace.record)
    const difference = trace.difference(report, yield* runOnce(seed, plan, trace.compare))
    const reason = difference === undefined ? failureOf(report) : new SimCheckError.Nondeterministic({ at: difference })
    return { report, reason }
  })

  const shrunkFailure = Effect.fnUntraced(function* (
    seed: number,
    original: FaultPlan.FaultPlan,
    reason: Reason,
    at: Report
  ) {
    let smallest = { reason, report: at as Report }
    const fails = Effect.fnUntraced(function* (plan: FaultPlan.FaultPlan) {
      const isTwice = reason._tag === "Nondeterministic"
      const tried = isTwice ? yield* runTwice(seed, plan) : yield* Effect.map(runOnce(seed, plan), withFailure)
      if (
        tried.reason === undefined ||
        SimSchedulerShrink.signature(tried.reason) !== SimSchedulerShrink.signature(reason)
      )
        return false
      smallest = { reason: tried.reason, report: tried.report }
      return true
    })
    const start = (yield* fails(at.concrete)) ? at.concrete : original
    const { plan } = yield* FaultShrink.minimiseEffect(start, fails)
    const failure = { seed, plan, original, time: smallest.report.time, faults: sum(smallest.report.faults) }
    const cause = smallest.reason._tag === "Failed" ? Cause.squash(smallest.reason.cause) : undefined
    return new SimCheckError.SimCheckError({ reason: smallest.reason, failure, cause })
  })

  const reached = new Map<string, number>()
  const labelsToReach = new Set(sometimes)
  const faultCounts = fixed?.map(() => 0)
  const summary = { runs, packets: 0, faults: 0, unused: 0, time: 0, reached }
  for (let seed = first; seed < first + runs; seed++) {
    // A run is synchronous: between two runs other fibers and the time limit of a test get their turn.
    yield* Effect.yieldNow
    const plan = fixed ?? (generate === undefined ? [] : FaultArbitrary.generate(seed, generate))
    const { reason, report } = yield* runTwice(seed, plan)
    if (fixed !== undefined) {
      yield* Effect.mapError(Effect.fromResult(FaultPlan.check(fixed, report.hosts)), misconfigured)
    }
    if (reason !== undefined) return yield* Effect.fail(yield* shrunkFailure(seed, plan, reason, report))
    summary.packets += report.packets
    summary.faults += sum(report.faults)
    summary.unused += fixed === undefined ? report.unused.length : 0
    summary.time += report.time
    for (const [index, count] of report.faults.entries()) if (faultCounts !== undefined) faultCounts[index]! += count
    for (const label of report.reached) reached.set(label, (reached.get(label) ?? 0) + 1)
    for (const label of report.unreached) labelsToReach.add(label)
  }
  const rules = (fixed ?? []).filter((_, index) => faultCounts?.[index] === 0)
  if (rules.length > 0) {
    return yield* new SimCheckError.SimCheckError({ reason: new SimCheckError.UnusedRules({ rules }) })
  }
  const labels = [...labelsToReach].filter((label) => !reached.has(label))
  if (labels.length > 0 && !isReplay) {
    return yield* new SimCheckError.SimCheckError({ reason: new SimCheckError.NeverReached({ labels }) })
  }
  return summary
})

const withFailure = (report: Report) => ({ report, reason: failureOf(report) })

const sum = (counts: ReadonlyArray<number>) => counts.reduce((total, count) => total + count, 0)
