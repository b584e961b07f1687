/** Settings of a check: its options, and the environment variables that override them. */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as FaultArbitrary from "../faults/FaultArbitrary.ts"
import type * as FaultPlan from "../faults/FaultPlan.ts"
import * as FaultPlanSyntax from "../faults/FaultPlanSyntax.ts"
import type { Decision } from "../runtime/SimSchedulerQueue.ts"
import type * as Simulation from "../Simulation.ts"
import * as Inputs from "./Inputs.ts"
import * as SwitchList from "./SwitchList.ts"

type Replaced = "seed" | "plan" | "tap" | "record" | "decisions"

/** Options of a check. */
export interface Options extends Omit<Simulation.Options, Replaced> {
  /** First seed; each run uses the next one. Default `SIM_SEED`, or 1. */
  readonly seed?: number | undefined
  /** Number of seeds. Default `SIM_RUNS`; else 1 if `SIM_SEED` is set, and 100 if not. */
  readonly runs?: number | undefined
  /** Fault plan of every run; each rule must apply in at least one run. Default: the generated plans, or no faults. */
  readonly plan?: FaultPlan.FaultPlan | string | undefined
  /** Options of fault plans that are generated, one for each seed; or a function that returns the plan of a seed. */
  readonly generate?: FaultArbitrary.Options | ((seed: number) => FaultPlan.FaultPlan) | undefined
  /** States that at least one run must reach, besides those that the scenario marks. Default: none. */
  readonly sometimes?: ReadonlyArray<string> | undefined
  /** Command that repeats the check, in the line that repeats a failure. Default: that of the running test or program. */
  readonly command?: string | undefined
}

/** Returns the plan that is generated for a seed. */
export const planOfSeed = ({ generate }: Pick<Options, "generate">, seed: number): FaultPlan.FaultPlan => {
  if (generate === undefined) return []
  return typeof generate === "function" ? generate(seed) : FaultArbitrary.generate(seed, generate)
}

/** Settings of a check. */
export interface Settings {
  readonly first: number
  readonly runs: number
  readonly plan: FaultPlan.FaultPlan | undefined
  /** True for a replay, which does not decide whether some run reaches a state. */
  readonly isReplay: boolean
  readonly input: Inputs.Given | undefined
  readonly decisions: ReadonlyArray<Decision> | undefined
  /** Files to write for a failure. */
  readonly capture: string | undefined
  readonly html: string | undefined
  /** True to print the statistics. */
  readonly isReported: boolean
}

const planOf = (given: FaultPlan.FaultPlan | string) =>
  typeof given === "string"
    ? given === "none"
      ? Result.succeed([])
      : FaultPlanSyntax.parse(given)
    : Result.succeed(given)

const environment = Config.all({
  seed: Config.option(Config.Int("SIM_SEED")),
  runs: Config.option(Config.Int("SIM_RUNS")),
  plan: Config.option(Config.String("SIM_PLAN")),
  input: Config.option(Config.String("SIM_INPUT")),
  switches: Config.option(Config.String("SIM_SWITCHES")),
  capture: Config.option(Config.String("SIM_CAPTURE")),
  html: Config.option(Config.String("SIM_HTML")),
  report: Config.option(Config.String("SIM_REPORT"))
})

const parsed = <A>(name: string, text: string | undefined, parse: (text: string) => A | undefined, example: string) => {
  if (text === undefined) return Effect.succeed(undefined)
  const value = parse(text)
  return value === undefined
    ? Effect.fail(new Error(`invalid ${name} ${JSON.stringify(text)}: must be like ${example}`))
    : Effect.succeed(value)
}

const isOff = (value: string | undefined) => value === undefined || ["", "0", "false", "no"].includes(value)

/** Combines the options and the environment. */
export const make = Effect.fnUntraced(function* (options: Options) {
  const given = yield* environment
  const seed = Option.getOrUndefined(given.seed)
  const planGiven = Option.getOrElse(given.plan, () => options.plan)
  const runs = Option.getOrUndefined(given.runs) ?? (seed === undefined ? (options.runs ?? 100) : 1)
  if (runs < 1) return yield* Effect.fail(new Error(`invalid number of runs ${runs}: must be at least 1`))
  const input = yield* parsed("SIM_INPUT", Option.getOrUndefined(given.input), Inputs.parse, `'[1,2]' or '~0.3'`)
  const switches = Option.getOrUndefined(given.switches)
  const settings: Settings = {
    first: seed ?? options.seed ?? 1,
    runs,
    plan: planGiven === undefined ? undefined : yield* Effect.fromResult(planOf(planGiven)),
    isReplay: seed !== undefined || Option.isSome(given.plan) || input !== undefined,
    input,
    decisions: yield* parsed("SIM_SWITCHES", switches, SwitchList.parse, `'2.7, 3.4/0:2' or none`),
    capture: Option.getOrUndefined(given.capture),
    html: Option.getOrUndefined(given.html),
    isReported: !isOff(Option.getOrUndefined(given.report))
  }
  return settings
})
