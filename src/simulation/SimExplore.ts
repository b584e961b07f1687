/**
 * Explores the runs of a scenario. Unlike in `SimCheck`, a run that reaches something new is a start for others, which
 * differ in a fault, in the seed or in the input.
 *
 * A run reaches something new if it has a state of `sometimes` or a small digest, a fault of a kind of packet, or an
 * order of events that no earlier run had. It finds failures that need several faults, each in a state that another
 * leads to, sooner than independent runs, if such states are marked with `sometimes`. For others `SimCheck` is as good.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Checker from "./check/Checker.ts"
import type * as CheckSettings from "./check/CheckSettings.ts"
import * as Coverage from "./check/Coverage.ts"
import type * as Inputs from "./check/Inputs.ts"
import * as Corpus from "./explore/Corpus.ts"
import * as Explorer from "./explore/Explorer.ts"
import type * as FaultArbitrary from "./faults/FaultArbitrary.ts"
import * as FaultPlanSyntax from "./faults/FaultPlanSyntax.ts"
import * as SimCheckError from "./SimCheckError.ts"
import type * as Simulation from "./Simulation.ts"

/** A run that reached something new: all that decides it. @category models @since 0.1.0 */
export interface Entry extends Corpus.Entry {}

/** Options of an exploration: those of a check, without a fixed plan. @category models @since 0.1.0 */
export interface Options extends Omit<CheckSettings.Options, "plan"> {
  /** Real time after which no further run begins. Default: only `runs` ends the exploration. */
  readonly timeout?: Duration.Input | undefined
  /** Options of the faults that are added to plans. Default: those of `generate`; for a function, like its plans. */
  readonly mutations?: FaultArbitrary.Options | undefined
  /** Part of the runs that are drawn anew, 0 to 1. Default 0.25. */
  readonly fresh?: number | undefined
  /** Runs of an earlier exploration, which are repeated first. Default: none. */
  readonly corpus?: ReadonlyArray<Entry> | undefined
}

/** Options of an exploration with inputs. @category models @since 0.1.0 */
export interface InputOptions<I> extends Options {
  /** Arbitrary of effect, or of fast-check, of inputs: the scenario gets one as its second parameter. */
  readonly inputs: Inputs.Inputs<I>
}

/** Statistics of an exploration that found no failure. @category models @since 0.1.0 */
export interface Summary {
  readonly runs: number
  /** Runs that reached something new and that represent it; an exploration may continue with them. */
  readonly corpus: ReadonlyArray<Entry>
  /** Number of different features of all runs. */
  readonly features: number
  /** The states and the actions of fault plans, with the number of runs that reached each. */
  readonly coverage: ReadonlyArray<Coverage.Row>
  readonly realMillis: number
}

/** Live clock: the clock of a test is virtual. */
const realMillis = () => Clock.Clock.defaultValue().currentTimeMillisUnsafe()

/**
 * Makes `runs` runs of a scenario and returns statistics if none fails. Otherwise fails with the first failure, shrunk
 * and explained as that of `SimCheck.check`.
 *
 * The environment variables of `SimCheck` repeat a failure. Without `timeout`, the same options make the same runs.
 *
 * **Example** (A failure that needs three losses, one after the other)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { Network } from "effect-inet/network"
 * import { SimExplore } from "effect-inet/simulation"
 *
 * const exploration = SimExplore.explore(
 *   Effect.fnUntraced(function* ({ host, sometimes }) {
 *     const [a, b] = [yield* host("a"), yield* host("b")]
 *     let expected = 0
 *     let lost = 0
 *     const receive = ([n = 0]: Uint8Array) => {
 *       lost = n === expected ? 0 : lost + n - expected
 *       expected = n + 1
 *     }
 *     yield* b.start(Effect.flatMap(Network.Network, ({ udp }) => udp({ host: "0.0.0.0", port: 9 }, receive)))
 *     const socket = Effect.flatMap(Network.Network, ({ udp }) => udp({ host: "0.0.0.0" }, () => {}))
 *     const send = Effect.flatMap(socket, ({ send }) =>
 *       Effect.forEach([0, 1, 2, 3, 4, 5, 6, 7], (n) => send(Uint8Array.of(n), { address: b.address, port: 9 }))
 *     )
 *     yield* a.run(send)
 *     yield* Effect.sleep("1 second")
 *     for (let n = 1; n <= lost; n++) yield* sometimes(`${n} lost in a row`)
 *     if (lost >= 3) yield* Effect.fail(new Error("three in a row"))
 *   }),
 *   { generate: { hosts: ["a", "b"], only: ["drop"] }, runs: 2_000 }
 * )
 * const { reason } = await Effect.runPromise(Effect.flip(exploration))
 * reason.message // => "three in a row"
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const explore: {
  <A, E, R, I>(
    scenario: (simulation: Simulation.Simulation, input: I) => Effect.Effect<A, E, R>,
    options: InputOptions<I>
  ): Effect.Effect<Summary, SimCheckError.SimCheckError, Exclude<R, Scope.Scope>>
  <A, E, R>(
    scenario: (simulation: Simulation.Simulation) => Effect.Effect<A, E, R>,
    options?: Options
  ): Effect.Effect<Summary, SimCheckError.SimCheckError, Exclude<R, Scope.Scope>>
} = Effect.fnUntraced(function* <A, E, R, I>(
  scenario: Checker.Scenario<A, E, R, I>,
  options: Options & { readonly inputs?: Inputs.Inputs<I> | undefined } = {}
): Effect.fn.Return<Summary, SimCheckError.SimCheckError, Exclude<R, Scope.Scope>> {
  const { corpus = [], sometimes = [], timeout, ...rest } = options
  const startMillis = realMillis()
  const settings = yield* Checker.settingsOf(rest)
  if (settings.isReplay) {
    const { coverage, runs } = yield* Checker.run(scenario, { ...rest, sometimes })
    return { runs, corpus: [], features: 0, coverage, realMillis: realMillis() - startMillis }
  }
  const explorer = yield* Explorer.make(scenario, rest)
  const endMillis = timeout === undefined ? Number.POSITIVE_INFINITY : startMillis + Duration.toMillis(timeout)
  const counters = Coverage.make(sometimes)
  const pending = [...corpus]
  let runs = 0
  for (; runs < settings.runs && realMillis() < endMillis; runs++) {
    // A run is synchronous: between two runs other fibers and the time limit of a test get their turn.
    yield* Effect.yieldNow
    const given = pending.shift()
    const { entry, failure, report } = yield* given === undefined ? explorer.step : explorer.run(given)
    if (failure !== undefined) return yield* yield* failure
    counters.add(entry.seed, { ...report, plan: FaultPlanSyntax.parseUnsafe(entry.plan) })
  }
  const coverage = counters.rows()
  const labels = coverage.filter(({ kind, runs }) => kind === "state" && runs === 0).map(({ name }) => name)
  if (labels.length > 0) {
    const reason = new SimCheckError.NeverReached({ labels, coverage: Coverage.format(coverage, runs) })
    return yield* new SimCheckError.SimCheckError({ reason })
  }
  return {
    runs,
    corpus: Corpus.entries(explorer.corpus),
    features: Corpus.features(explorer.corpus),
    coverage,
    realMillis: realMillis() - startMillis
  }
})
