/**
 * Runs the fault properties more often than a test suite has time for.
 *
 * npm run sweep -- --minutes N [--corpus DIR] [--seed N] [--planted] [NAME...]
 *
 * Explores the suites for that time, on all cores. Runs that reached something new are kept in a folder, by default
 * `node_modules/.cache/sweep`, and the next sweep continues with them. Prints failures with the line that repeats each,
 * and the states that were reached. With `--planted` it explores suites with bugs and ends once all are found; exit
 * code 1 if one is not, or if one of the other suites fails.
 *
 * npm run sweep -- [--planted] [RUNS] [NAME...]
 *
 * Checks the suites with that number of seeds, by default 1,000, each run twice. Exit code 1 with the line that repeats
 * the failure, if there is one. `SIM_SEED`, `SIM_RUNS` and `SIM_PLAN` work as in tests. For `status`, also checks its
 * stated figures: hours without a false alarm, and detection times in intervals. For `tftp`, also sends 1,000 mutated
 * datagrams per run to a server, half of them to one with a single port. `cluster` kills, stops and freezes the
 * processes of a farm and its database, once for any number of runs, in some minutes. It needs Debian's package
 * postgresql. The examples `http`, `rpc` and `runners` are explored only.
 */
import { enableCompileCache } from "node:module"
import * as Path from "node:path"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Checker from "../src/simulation/check/Checker.ts"
import * as ClusterFaults from "../test/suites/ClusterFaults.ts"
import * as TftpFuzz from "../test/suites/tftp/TftpFuzz.ts"
import * as Postgres from "../test/support/cluster/Postgres.ts"
import * as StatusSweep from "../test/support/status/StatusSweep.ts"
import * as Arguments from "./sweep/Arguments.ts"
import * as Exploration from "./sweep/Exploration.ts"
import * as Suites from "./sweep/Suites.ts"

enableCompileCache()

/** Suites that are not simulated scenarios, or that are more than one. */
const names = [...Object.keys(Suites.ours), "cluster"]

class PropertyNotMet extends Error {}

const checkFaults = (isPlanted: boolean, chosen: ReadonlyArray<string>, runs: number) =>
  Effect.gen(function* () {
    for (const [name, suite] of Object.entries(isPlanted ? Suites.planted : Suites.ours)) {
      // An example has its own checks: run it, or explore it.
      if (!chosen.includes(name) || suite._tag === "Program") continue
      const startMillis = performance.now()
      const summary = yield* Checker.run(suite.scenario, {
        ...suite.options,
        runs,
        command: Suites.commandOf(name, isPlanted)
      })
      const seconds = ((performance.now() - startMillis) / 1_000).toFixed(1)
      const reached = [...summary.reached].map(([label, count]) => `${label} ${count}`).join(", ")
      yield* Console.log(
        `${name}: ${summary.runs} seeds passed in ${seconds} s, each run twice: ${summary.packets} packets, ` +
          `${summary.faults} faults, ${Math.round(summary.time / 3_600e9)} hours of virtual time\n  ${reached}`
      )
    }
  })

const checkStatus = (scale: number) =>
  Effect.gen(function* () {
    for (const { holds, measured, property } of StatusSweep.checkAll(scale)) {
      yield* Console.log(`status: ${property}: ${measured}`)
      if (!holds) return yield* Effect.fail(new PropertyNotMet(`status: property not met: ${property}`))
    }
  })

/** Bounds of the memory of a server that gets mutated datagrams, in MiB above that before them. */
const maxPeakMebibytes = 64
const maxLeftMebibytes = 10

const checkMutated = Effect.fnUntraced(function* (runs: number) {
  const seed = Number(process.env.SIM_SEED ?? 1)
  for (const singlePort of [false, true]) {
    const startMillis = performance.now()
    const { leftMebibytes, peakMebibytes, stats } = yield* Effect.catchDefect(
      TftpFuzz.run(singlePort, runs * 500, seed),
      (defect) => Effect.fail(new PropertyNotMet(`tftp: mutated datagrams (seed ${seed}): ${defect}`))
    )
    const seconds = ((performance.now() - startMillis) / 1_000).toFixed(1)
    const { duplicates, finished, malformed, refused, started } = stats
    yield* Console.log(
      `tftp: ${runs * 500} mutated datagrams (seed ${seed}) to ${singlePort ? "a single port" : "the server and its transfers"} in ${seconds} s: ` +
        `at most ${peakMebibytes.toFixed(1)} MiB more, ${leftMebibytes.toFixed(1)} MiB afterwards\n  ` +
        `started ${started}, finished ${finished}, refused ${refused}, duplicates ${duplicates}, malformed ${malformed}`
    )
    if (peakMebibytes > maxPeakMebibytes || leftMebibytes > maxLeftMebibytes) {
      const limits = `limits ${maxPeakMebibytes} and ${maxLeftMebibytes} MiB`
      return yield* Effect.fail(new PropertyNotMet(`tftp: mutated datagrams take too much memory (${limits})`))
    }
  }
})

const entry = Path.join(import.meta.dirname, "effect-inet.ts")

const checkCluster = Effect.gen(function* () {
  if (!Postgres.isInstalled) return yield* Console.log(`cluster: not checked ${Postgres.skipped}`)
  for (const [name, scenario] of Object.entries(ClusterFaults.scenarios)) {
    const startMillis = performance.now()
    const measured = yield* ClusterFaults.check(scenario, entry)
    const seconds = ((performance.now() - startMillis) / 1_000).toFixed(0)
    yield* Console.log(`cluster: ${name}, in ${seconds} s: ${measured}`)
  }
})

/** Checks the suites with every seed. */
const check = Effect.fnUntraced(function* ({ isPlanted, names: given }: Arguments.Arguments, runs: number) {
  const chosen = given.length > 0 ? given : isPlanted ? Object.keys(Suites.planted) : names
  yield* checkFaults(isPlanted, chosen, runs)
  if (isPlanted) return
  if (chosen.includes("tftp")) yield* checkMutated(runs)
  if (chosen.includes("status")) yield* checkStatus(runs)
  if (chosen.includes("cluster")) yield* checkCluster
})

const sweep = Effect.gen(function* () {
  const given = yield* Effect.fromResult(Arguments.parse(process.argv.slice(2), names, Object.keys(Suites.planted)))
  if (given.runs !== undefined) return yield* check(given, given.runs)
  const { corpus, isPlanted, minutes, names: some, seed } = given
  const all = Object.keys(isPlanted ? Suites.planted : Suites.ours)
  const isGood = yield* Exploration.run({
    ...{ corpus, isPlanted, minutes, seed: seed ?? Math.floor(Math.random() * 2 ** 30) },
    names: some.length === 0 ? all : some
  })
  if (!isGood) process.exitCode = 1
})

const messageOf = (error: unknown) => (error instanceof Error ? error.message : `${error}`)

NodeRuntime.runMain(
  Effect.tapCause(sweep, (cause) => Console.error(`sweep: ${messageOf(Cause.squash(cause))}`)),
  { disableErrorReporting: true }
)
