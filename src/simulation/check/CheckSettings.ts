/** Settings of a check: its options, and the environment variables that override them. */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Record from "effect/Record"
import * as Schema from "effect/Schema"
import * as FaultArbitrary from "../faults/FaultArbitrary.ts"
import * as FaultPlan from "../faults/FaultPlan.ts"
import * as FaultPlanSyntax from "../faults/FaultPlanSyntax.ts"
import * as RunOptions from "../runtime/RunOptions.ts"
import type { Decision } from "../runtime/SimSchedulerQueue.ts"
import type * as Simulation from "../Simulation.ts"
import * as CanonicalText from "./CanonicalText.ts"
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
  /** Command in the line that repeats a failure. Default: that of the running test or program. */
  readonly command?: string | undefined
}

/** Returns the plan that is generated for a seed. */
export const planOfSeed = ({ generate }: Pick<Options, "generate">, seed: number): FaultPlan.FaultPlan => {
  if (generate === undefined) return []
  return typeof generate === "function" ? generate(seed) : FaultArbitrary.generate(seed, generate)
}

const isPlan = Schema.is(FaultPlan.FaultPlan)

const messageOf = (error: unknown) => CanonicalText.describeError(error, "threw")

/** Returns the plan that is generated for a seed; fails if there is none. */
export const generatedPlan = (options: Pick<Options, "generate">, seed: number) =>
  Effect.flatMap(
    Effect.try({
      try: () => planOfSeed(options, seed),
      catch: (error) => new Error(`generate failed for seed ${seed}: ${messageOf(error)}`, { cause: error })
    }),
    (plan) =>
      isPlan(plan)
        ? Effect.succeed(plan)
        : Effect.fail(new Error(`generate returned ${CanonicalText.of(plan)} for seed ${seed}: must be a fault plan`))
  )

const isAddress = (host: string) => host.includes(":") || /^\d+(\.\d+){3}$/.test(host)

/** Describes a host of the options of generated plans that no run had; returns undefined if there is none. */
export const unknownHost = ({ generate }: Pick<Options, "generate">, known: ReadonlySet<string>) => {
  if (generate === undefined || typeof generate === "function") return undefined
  const host = [...(generate.hosts ?? []), ...(generate.faultyHosts ?? [])].find(
    (one) => !known.has(one) && !isAddress(one)
  )
  if (host === undefined) return undefined
  return `generate: ${new FaultPlan.UnknownHost({ host, hosts: [...known] }).message}`
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

/** Returns the plan of the environment or of the options. */
const planOf = (name: string, given: FaultPlan.FaultPlan | string) => {
  if (given === "none") return Effect.succeed([])
  if (typeof given === "string") {
    return Effect.mapError(
      Effect.fromResult(FaultPlanSyntax.parse(given)),
      (error) => new Error(`invalid ${name}: ${error.message}`, { cause: error })
    )
  }
  return isPlan(given)
    ? Effect.succeed(given)
    : Effect.fail(new Error(`invalid ${name} ${CanonicalText.of(given)}: must be a fault plan, or its text`))
}

/** Parses a number of the environment. */
const numberOf = (text: string) => (/^\s*[-+]?\d+\s*$/.test(text) ? Number(text) : text)

/** Returns a whole number within limits. */
const whole = (name: string, value: number | string, min: number, max: number) =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max
    ? Effect.succeed(value)
    : Effect.fail(
        new Error(
          `invalid ${name} ${typeof value === "string" ? JSON.stringify(value) : value}: ` +
            `must be a whole number of at least ${min} and at most ${max}`
        )
      )

const environment = Config.all({
  seed: Config.option(Config.String("SIM_SEED")),
  runs: Config.option(Config.String("SIM_RUNS")),
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

/** Returns the first seed and the number of seeds. */
const seedsOf = Effect.fnUntraced(function* (
  options: Options,
  seedText: string | undefined,
  runsText: string | undefined
) {
  const seed = seedText === undefined ? undefined : numberOf(seedText)
  const [runsName, givenRuns] =
    runsText !== undefined
      ? ["SIM_RUNS", numberOf(runsText)]
      : ["runs", seed === undefined ? (options.runs ?? defaultRuns) : 1]
  const runs = yield* whole(runsName, givenRuns, 1, maxRuns)
  const max = Number.MAX_SAFE_INTEGER - runs
  const first = yield* whole(seed === undefined ? "seed" : "SIM_SEED", seed ?? options.seed ?? 1, -max, max)
  return { first, runs }
})

const defaultRuns = 100
const maxRuns = 2 ** 32

/** Combines the options and the environment. */
export const make = Effect.fnUntraced(function* (options: Options & { readonly inputs?: unknown }) {
  const problem = RunOptions.problemOf({ ...options, seed: undefined })
  if (problem !== undefined) return yield* Effect.fail(new Error(problem))
  const hasInputs = options.inputs !== undefined
  if (hasInputs && !Inputs.isInputs(options.inputs)) {
    const found = CanonicalText.of(options.inputs)
    return yield* Effect.fail(new Error(`invalid inputs ${found}: must be an arbitrary of effect or of fast-check`))
  }
  const given = Record.map(yield* environment, Option.getOrUndefined)
  const { first, runs } = yield* seedsOf(options, given.seed, given.runs)
  const input = yield* parsed("SIM_INPUT", given.input, Inputs.parse, `'[1,2]' or '~0.3'`)
  if (input !== undefined && !hasInputs) {
    return yield* Effect.fail(new Error("SIM_INPUT is set, but the check has no inputs: unset it"))
  }
  const planGiven = given.plan ?? options.plan
  const settings: Settings = {
    first,
    runs,
    plan:
      planGiven === undefined ? undefined : yield* planOf(given.plan === undefined ? "plan" : "SIM_PLAN", planGiven),
    isReplay: given.seed !== undefined || given.plan !== undefined || input !== undefined,
    input,
    decisions: yield* parsed("SIM_SWITCHES", given.switches, SwitchList.parse, `'2.7, 3.4/0:2' or none`),
    capture: given.capture,
    html: given.html,
    isReported: !isOff(given.report)
  }
  return settings
})
