/** A worker thread of a sweep: explores the suites of its slices, each where it left off. */
import { spawnSync } from "node:child_process"
import * as Path from "node:path"
import { parentPort } from "node:worker_threads"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Coverage from "../../src/simulation/check/Coverage.ts"
import * as Corpus from "../../src/simulation/explore/Corpus.ts"
import * as Explorer from "../../src/simulation/explore/Explorer.ts"
import * as FaultPlanSyntax from "../../src/simulation/faults/FaultPlanSyntax.ts"
import * as Suites from "./Suites.ts"
import type { Slice, SliceResult } from "./SweepMessage.ts"

interface Search {
  readonly explorer: Explorer.Explorer<never>
  readonly coverage: Coverage.Coverage
}

const searches = new Map<string, Search>()

const searchOf = Effect.fnUntraced(function* (slice: Slice, { options, scenario }: Suites.Scenario) {
  const known = searches.get(slice.name)
  if (known !== undefined) return known
  const command = Suites.commandOf(slice.name, slice.isPlanted)
  const explorer = yield* Explorer.make(scenario, { ...options, seed: slice.seed, command })
  const search: Search = { explorer, coverage: Coverage.make(options.sometimes ?? []) }
  searches.set(slice.name, search)
  return search
})

const explore = Effect.fnUntraced(function* (slice: Slice, suite: Suites.Scenario) {
  const startMillis = performance.now()
  const { coverage, explorer } = yield* searchOf(slice, suite)
  const pending = [...slice.imports]
  const [found, useless]: [Array<Corpus.Entry>, Array<Corpus.Entry>] = [[], []]
  let runs = 0
  let failure: SliceResult["failure"]
  while (failure === undefined && (pending.length > 0 || performance.now() - startMillis < slice.millis)) {
    const given = pending.shift()
    const step = yield* given === undefined ? explorer.step : explorer.run(given)
    runs++
    coverage.add(step.entry.seed, { ...step.report, plan: FaultPlanSyntax.parseUnsafe(step.entry.plan) })
    if (step.failure !== undefined) failure = { text: (yield* step.failure).message, entry: step.entry }
    else if (given === undefined && step.isNew) found.push(step.entry)
    else if (given !== undefined && !step.isNew) useless.push(given)
  }
  const result: SliceResult = {
    ...{ name: slice.name, runs, realMillis: performance.now() - startMillis, found, useless, failure },
    ...{ features: Corpus.features(explorer.corpus), coverage: coverage.rows() }
  }
  return result
})

/** Seeds of one run of an example. */
const programSeedCount = 20

const root = Path.join(import.meta.dirname, "..", "..")

/** Runs an example once. It fails, as a suite, if it prints a failure. */
const runProgram = ({ name, seed }: Slice, { file, isFixed }: Suites.Program): SliceResult => {
  const startMillis = performance.now()
  const { FIXED: _, ...environment } = process.env
  const seeds = isFixed ? { FIXED: "1", SIM_SEED: `${seed}`, SIM_RUNS: `${programSeedCount}` } : {}
  const { error, status, stderr, stdout } = spawnSync(process.execPath, ["--conditions=effect-inet-source", file], {
    cwd: root,
    encoding: "utf8",
    env: { ...environment, ...seeds }
  })
  const isFailing = error !== undefined || status !== 0 || stdout.includes("SIM_SEED=")
  return {
    ...{ name, runs: isFixed ? programSeedCount : 1, realMillis: performance.now() - startMillis },
    ...{ found: [], useless: [], features: 0, coverage: [] },
    failure: isFailing ? { text: `${stdout}${stderr}${error?.message ?? ""}`.trim(), entry: undefined } : undefined
  }
}

parentPort?.on("message", (slice: Slice) => {
  const suite = (slice.isPlanted ? Suites.planted : Suites.ours)[slice.name]!
  const made = suite._tag === "Program" ? Effect.sync(() => runProgram(slice, suite)) : explore(slice, suite)
  void Effect.runPromise(Effect.provide(made, Logger.layer([]))).then((result) => parentPort!.postMessage(result))
})
