/**
 * npm run bench -- [NAME...] [--only TEXT] [--rounds N] [--quick] [--json] [--profile DIR]
 *
 * Runs the named benchmarks, or all of them. Prints the figures with their bars, and writes them to docs/benchmarks.md
 * unless --only selects the rows whose names contain TEXT. A missed bar is reported and is not a failure; a program
 * that does not run is a failure with exit code 1.
 */
import * as Fs from "node:fs"
import { enableCompileCache } from "node:module"
import { parseArgs } from "node:util"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import * as Capture from "./capture/capture.ts"
import { BenchError } from "./child.ts"
import * as Cluster from "./cluster/cluster.ts"
import * as Farm from "./farm/farm.ts"
import * as Hangman from "./hangman/hangman.ts"
import type { Benchmark, Options } from "./harness.ts"
import * as Harness from "./harness.ts"
import * as Models from "./models/models.ts"
import * as Page from "./page/page.ts"
import * as Primes from "./primes/primes.ts"
import * as Report from "./report.ts"
import * as Rot13 from "./rot13/rot13.ts"
import * as Scale from "./scale/scale.ts"
import * as Scan from "./scan/scan.ts"
import * as Simulation from "./simulation/simulation.ts"
import * as Sockets from "./sockets/sockets.ts"
import * as Startup from "./startup.ts"
import * as Status from "./status/status.ts"
import * as Tftp from "./tftp/tftp.ts"

enableCompileCache()

const benchmarks: ReadonlyArray<Benchmark> = [
  Rot13.benchmark,
  Startup.benchmark,
  Simulation.benchmark,
  Tftp.benchmark,
  Hangman.benchmark,
  Models.benchmark,
  Farm.benchmark,
  Scale.benchmark,
  Cluster.benchmark,
  Primes.benchmark,
  Status.benchmark,
  Scan.benchmark,
  Capture.benchmark,
  Sockets.benchmark,
  Page.benchmark
]

const names = benchmarks.map(({ name }) => name).join(" | ")

const usage = `npm run bench -- [${names}] [--only TEXT] [--rounds N] [--quick] [--json] [--profile DIR]`

class UsageError extends BenchError {
  override readonly [Runtime.errorExitCode] = 2
}

const documentUrl = new URL("../../docs/benchmarks.md", import.meta.url)

const flags = {
  only: { type: "string", default: "" },
  rounds: { type: "string", default: "5" },
  quick: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  profile: { type: "string" },
  help: { type: "boolean", short: "h", default: false }
} as const

/** Restricts a benchmark to the measures whose names contain the text. */
const withMeasures = (benchmark: Benchmark, text: string): Benchmark => ({
  ...benchmark,
  prepare: (options) =>
    Effect.map(benchmark.prepare(options), (prepared) => ({
      ...prepared,
      measures: prepared.measures.filter(({ name }) => name.includes(text))
    }))
})

const write = (benchmark: Benchmark, report: Harness.Report, machine: Report.Machine) =>
  Effect.sync(() => {
    const before = Fs.existsSync(documentUrl) ? Fs.readFileSync(documentUrl, "utf8") : ""
    const section = Report.markdown(report, benchmark.description, machine, new Date())
    Fs.mkdirSync(new URL(".", documentUrl), { recursive: true })
    Fs.writeFileSync(documentUrl, Report.withSection(before, benchmark.name, section))
  })

const program = Effect.gen(function* () {
  const { positionals, values } = yield* Effect.try({
    try: () => parseArgs({ args: process.argv.slice(2), allowPositionals: true, options: flags }),
    catch: (cause) => new UsageError({ message: `${(cause as Error).message}\n${usage}` })
  })
  if (values.help) return yield* Console.log(usage)
  const unknown = positionals.find((name) => benchmarks.every((benchmark) => benchmark.name !== name))
  if (unknown !== undefined) return yield* new UsageError({ message: `unknown benchmark "${unknown}"\n${usage}` })
  const rounds = values.quick ? 1 : Number(values.rounds)
  if (!Number.isInteger(rounds) || rounds < 1) {
    return yield* new UsageError({
      message: `invalid --rounds ${values.rounds}: must be a whole number, at least 1\n${usage}`
    })
  }
  const options: Options = { rounds, quick: values.quick, profile: values.profile }
  let selected = 0
  const progress = (line: string) => void process.stderr.write(`${line}\n`)
  for (const benchmark of benchmarks) {
    if (positionals.length > 0 && !positionals.includes(benchmark.name)) continue
    const machine = Report.machine()
    const report = yield* Harness.run(withMeasures(benchmark, values.only), options, progress)
    selected += report.rows.length
    yield* Console.log(values.json ? JSON.stringify({ ...report, machine }) : Report.text(report, machine))
    // The figures of a profiled or a quick run have no meaning, and a part of the rows must not replace the section.
    if (!values.quick && values.profile === undefined && values.only === "") yield* write(benchmark, report, machine)
  }
  if (selected === 0 && values.only !== "")
    return yield* new UsageError({ message: `no row is named "${values.only}"\n${usage}` })
})

NodeRuntime.runMain(
  program.pipe(
    Effect.tapError((error) => Console.error(`bench: ${error.message}`)),
    Effect.tapDefect((defect) => Console.error("bench:", defect))
  ),
  { disableErrorReporting: true }
)
