/** Startup time of the command line, measured by printing its help. */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import { wallTimeMillis } from "./child.ts"
import type { Benchmark, Measure } from "./harness.ts"

const helpCommand = "effect-inet --help"
const emptyProgram = "node -e 0"
const wallTime = "from start to exit"

const description = `Wall time of a whole process with a warm compile cache: \`effect-inet --help\` from the sources, beside a
Node process that does nothing.`

const script = fileURLToPath(new URL("../effect-inet.ts", import.meta.url))

const prepare = Effect.fnUntraced(function* () {
  // A temporary folder for the compile cache, so that it holds only the code of this benchmark.
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-inet-bench-"))),
    (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true }))
  )
  const env = { ...process.env, TMPDIR: folder, NODE_COMPILE_CACHE: undefined }
  const args: Readonly<Record<string, ReadonlyArray<string>>> = {
    [helpCommand]: [script, "--help"],
    [emptyProgram]: ["-e", "0"]
  }
  const once = (contestant: string) => wallTimeMillis(process.execPath, args[contestant]!, env)
  yield* once(helpCommand)
  const sample = (contestant: string) => Effect.map(once(contestant), (took) => took / 1_000)
  const measures: ReadonlyArray<Measure> = [{ name: wallTime, unit: "s", lowerIsBetter: true, sample }]
  return { contestants: [helpCommand, emptyProgram], measures, notes: [] }
})

export const benchmark: Benchmark = {
  name: "startup",
  description,
  comparisons: [{ measure: wallTime, peer: emptyProgram, bar: { subject: "figure", comparator: "<=", value: 0.25 } }],
  prepare
}
