/**
 * Checks the fault properties with 1,000 seeds by default, more than a test suite has time for.
 *
 * npm run sweep -- [RUNS] [NAME...]
 *
 * Exit code 1 with the line that repeats the failure, if there is one. `SIM_SEED`, `SIM_RUNS` and `SIM_PLAN` work as in
 * tests. For `status`, also checks its stated figures: hours without a false alarm, and detection times in intervals.
 * For `tftp`, also sends 1,000 mutated datagrams per run to a server, half of them to one with a single port.
 *
 * `cluster` kills, stops and freezes the processes of a farm and its database, once for any number of runs, in some
 * minutes. It needs Debian's package postgresql.
 */
import { enableCompileCache } from "node:module"
import * as Path from "node:path"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import type * as Packet from "../src/network/Packet.ts"
import type * as FaultArbitrary from "../src/simulation/faults/FaultArbitrary.ts"
import * as SimCheck from "../src/simulation/SimCheck.ts"
import type * as Simulation from "../src/simulation/Simulation.ts"
import * as ClusterFaults from "../test/suites/ClusterFaults.ts"
import * as Rot13Faults from "../test/suites/Rot13Faults.ts"
import * as StatusFaults from "../test/suites/status/StatusFaults.ts"
import * as TftpFaults from "../test/suites/tftp/TftpFaults.ts"
import * as TftpFuzz from "../test/suites/tftp/TftpFuzz.ts"
import * as Postgres from "../test/support/cluster/Postgres.ts"
import * as StatusSweep from "../test/support/status/StatusSweep.ts"

enableCompileCache()

class Usage extends Error {
  override readonly [Runtime.errorExitCode] = 2
}

interface Suite {
  readonly scenario: (simulation: Simulation.Simulation) => Effect.Effect<void, { readonly message: string }>
  readonly faults: FaultArbitrary.Options
  readonly sometimes: ReadonlyArray<string>
  readonly dissectors: ReadonlyArray<Packet.Dissector>
}

const suites: Readonly<Record<string, Suite>> = {
  rot13: { ...Rot13Faults, dissectors: [] },
  tftp: TftpFaults,
  status: { ...StatusFaults, dissectors: [] }
}

const names = [...Object.keys(suites), "cluster"]

class PropertyNotMet extends Error {}

const checkFaults = (chosen: ReadonlyArray<string>, runs: number) =>
  Effect.gen(function* () {
    for (const [name, { dissectors, faults, scenario, sometimes }] of Object.entries(suites)) {
      if (!chosen.includes(name)) continue
      const startMillis = performance.now()
      const summary = yield* SimCheck.check(scenario, { dissectors, generate: faults, runs, sometimes })
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

const sweep = Effect.gen(function* () {
  const [argument = "1000", ...rest] = process.argv.slice(2)
  const runs = Number(argument)
  if (!Number.isInteger(runs) || runs < 1)
    return yield* Effect.fail(new Usage(`invalid number of runs ${argument}: must be a whole number of at least 1`))
  const unknown = rest.find((name) => !names.includes(name))
  if (unknown !== undefined)
    return yield* Effect.fail(new Usage(`unknown suite ${unknown}: must be one of ${names.join(", ")}`))
  const chosen = rest.length === 0 ? names : rest
  yield* checkFaults(chosen, runs)
  if (chosen.includes("tftp")) yield* checkMutated(runs)
  if (chosen.includes("status")) yield* checkStatus(runs)
  if (chosen.includes("cluster")) yield* checkCluster
})

NodeRuntime.runMain(
  Effect.tapError(sweep, (error) => Console.error(`sweep: ${error.message}`)),
  { disableErrorReporting: true }
)
