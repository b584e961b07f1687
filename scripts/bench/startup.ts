/** Startup time of the command line: three commands that print a little, from the package and from the sources. */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import { build } from "../build-command.ts"
import { BenchError, wallTimeMillis } from "./child.ts"
import type { Benchmark, Comparison, Measure } from "./harness.ts"

const emptyProgram = "node -e 0"
const warm = "warm compile cache"
const cold = "cold compile cache"

const description = `Wall time of a whole process, beside a Node process that does nothing. *Package*: the bundle that is
published; *sources*: \`npm run -s inet --\`, without the time of npm. With a *cold* compile cache the process compiles
everything and writes the cache, which is in a new folder each time.`

const root = Path.join(import.meta.dirname, "../..")

const commandLines: Readonly<Record<string, ReadonlyArray<string>>> = {
  "--help": ["--help"],
  services: ["services", "rot13"],
  resolve: ["resolve", "127.0.0.1", "80"]
}

/** Places to run the command line from, each with the most that a start may take, in starts of an empty program. */
const maxRatios = { package: 4, sources: 7 } as const

type Place = keyof typeof maxRatios

const places = Object.keys(maxRatios) as ReadonlyArray<Place>
const names = Object.keys(commandLines)
const contestantOf = (name: string, place: Place) => `${name}, ${place}`

const comparisons: ReadonlyArray<Comparison> = places.flatMap((place) => [
  ...names.map(
    (name): Comparison => ({
      measure: warm,
      contestant: contestantOf(name, place),
      peer: emptyProgram,
      bar: { subject: "ratio", comparator: "<=", value: maxRatios[place] }
    })
  ),
  { measure: cold, contestant: contestantOf("--help", place), peer: emptyProgram }
])

const prepare = Effect.fnUntraced(function* () {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-inet-bench-"))),
    (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true }))
  )
  // The command reads its version two folders above itself.
  const bundle = Path.join(folder, "package/dist/cli")
  yield* Effect.tryPromise({
    try: () => build(bundle),
    catch: (cause) => new BenchError({ message: `cannot build the package: ${cause}` })
  })
  Fs.copyFileSync(Path.join(root, "package.json"), Path.join(folder, "package/package.json"))
  const programs: Readonly<Record<Place, string>> = {
    package: Path.join(bundle, "bin.js"),
    sources: Path.join(root, "scripts/effect-inet.ts")
  }
  const args = Object.fromEntries([
    [emptyProgram, ["-e", "0"]],
    ...places.flatMap((place) =>
      names.map((name) => [contestantOf(name, place), [programs[place], ...commandLines[name]!]] as const)
    )
  ]) as Readonly<Record<string, ReadonlyArray<string>>>
  const contestants = Object.keys(args)
  // The cache is in the folder for temporary files.
  const start = (contestant: string, cache: string) =>
    wallTimeMillis(process.execPath, args[contestant]!, {
      ...process.env,
      TMPDIR: cache,
      NODE_COMPILE_CACHE: undefined
    })
  const warmCache = Path.join(folder, "cache")
  Fs.mkdirSync(warmCache)
  for (const contestant of contestants) yield* start(contestant, warmCache)
  const measures: ReadonlyArray<Measure> = [
    { name: warm, unit: "ms", lowerIsBetter: true, sample: (contestant) => start(contestant, warmCache) },
    {
      name: cold,
      unit: "ms",
      lowerIsBetter: true,
      contestants: [emptyProgram, ...places.map((place) => contestantOf("--help", place))],
      sample: (contestant) => start(contestant, Fs.mkdtempSync(Path.join(folder, "cold-")))
    }
  ]
  return { contestants, measures, notes: [] }
})

export const benchmark: Benchmark = { name: "startup", description, comparisons, prepare }
