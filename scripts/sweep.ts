/**
 * npm run sweep -- [RUNS]
 *
 * Runs what must hold on every network with 1,000 seeds, or as many as said: more than a test suite has time for. Exit
 * code 1 with the line that repeats a failure, if there is one. `SIM_SEED`, `SIM_RUNS` and `SIM_PLAN` work as in tests.
 */
import { enableCompileCache } from "node:module"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import * as SimCheck from "../src/simulation/SimCheck.ts"
import * as Rot13Faults from "../test/suites/Rot13Faults.ts"
import * as TftpFaults from "../test/suites/TftpFaults.ts"

enableCompileCache()

class Usage extends Error {
  override readonly [Runtime.errorExitCode] = 2
}

const suites = { rot13: { ...Rot13Faults, dissectors: [] }, tftp: TftpFaults }

const sweep = Effect.gen(function* () {
  const [argument = "1000"] = process.argv.slice(2)
  const runs = Number(argument)
  if (!Number.isInteger(runs) || runs < 1) return yield* Effect.fail(new Usage(`${argument}: a whole number from 1 up`))
  for (const [name, { dissectors, faults, scenario, sometimes }] of Object.entries(suites)) {
    const began = performance.now()
    const summary = yield* SimCheck.check(scenario, { dissectors, generate: faults, runs, sometimes })
    const seconds = ((performance.now() - began) / 1_000).toFixed(1)
    const reached = [...summary.reached].map(([label, count]) => `${label} ${count}`).join(", ")
    yield* Console.log(
      `${name}: ${summary.runs} seeds passed in ${seconds} s, each run twice: ${summary.packets} packets, ` +
        `${summary.faults} faults, ${Math.round(summary.time / 3_600e9)} hours of virtual time\n  ${reached}`
    )
  }
})

NodeRuntime.runMain(
  Effect.tapError(sweep, (error) => Console.error(`sweep: ${error.message}`)),
  { disableErrorReporting: true }
)
