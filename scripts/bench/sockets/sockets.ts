/** The table of 10,000 TCP sockets with their processes, beside ss(8) and lsof(8). */
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import { type Child, start, wallTimeMillis } from "../child.ts"
import type { Benchmark, Comparison, Measure, Options } from "../harness.ts"

const ours = "SocketTable"
const ss = "ss -H -tanp"
const lsof = "lsof -nP -iTCP"

const names = {
  first: "first list of a process, with its table",
  next: "next list, with its table",
  library: "next list, of the library alone",
  whole: "whole process"
} as const

const maxListMillis = 150

const bar = { subject: "figure", comparator: "<=", value: maxListMillis } as const

const comparisons: ReadonlyArray<Comparison> = [
  { measure: names.first, peer: ss, bar },
  { measure: names.first, peer: lsof },
  { measure: names.next, peer: ss, bar },
  { measure: names.library, peer: ss },
  { measure: names.whole, peer: ss },
  { measure: names.whole, peer: lsof }
]

const connections = 5_000
const processes = 4

const about = `A machine with ${2 * connections} established TCP sockets on loopback, in ${processes} processes, and their listeners.
Ours lists all TCP sockets with processes, command lines, units, users and services, sorts them and formats the table for a
terminal of 160 columns. The start of Node is not included, except in *whole process*, which is \`sockets --tcp\` from
the sources; the first list of a process runs code that is not compiled yet. The figures of ss and lsof are
always those of whole processes: their start is a few milliseconds.`

interface Found {
  readonly listMillis: number
  readonly millis: number
  readonly sockets: number
}

const prepare = Effect.fnUntraced(function* ({ quick }: Options) {
  const has = (name: string) => spawnSync("which", [name]).status === 0
  const peers = [...(has("ss") ? [ss] : []), ...(has("lsof") ? [lsof] : [])]
  const notes = [...(has("ss") ? [] : ["ss is missing."]), ...(has("lsof") ? [] : ["lsof is missing."])]
  const perProcess = (quick ? 100 : connections) / processes
  for (let index = 0; index < processes; index++) {
    yield* start(process.execPath, [fileURLToPath(new URL("open.ts", import.meta.url)), `${perProcess}`])
  }
  const program = fileURLToPath(new URL("ours.ts", import.meta.url))
  const command = fileURLToPath(new URL("../../effect-inet.ts", import.meta.url))
  const run = start(process.execPath, [program])
  const warm: Child = yield* run
  const parse = (line: string) => JSON.parse(line) as Found
  const peerTime = (contestant: string) => {
    const [name = "", ...args] = contestant.split(" ")
    return wallTimeMillis(name, args)
  }
  const measure = (name: string, own: Measure["sample"]): Measure => ({
    name,
    unit: "ms",
    lowerIsBetter: true,
    sample: (contestant) => (contestant === ours ? own(contestant) : peerTime(contestant))
  })
  const measures: ReadonlyArray<Measure> = [
    measure(names.first, () => Effect.scoped(Effect.map(run, ({ firstLine }) => parse(firstLine).millis))),
    measure(names.next, () => Effect.map(warm.request("list"), (line) => parse(line).millis)),
    measure(names.library, () => Effect.map(warm.request("list"), (line) => parse(line).listMillis)),
    measure(names.whole, () => wallTimeMillis(process.execPath, [command, "sockets", "--tcp"]))
  ]
  return {
    contestants: [ours, ...peers],
    measures,
    notes: [...notes, `${parse(warm.firstLine).sockets} sockets were listed.`]
  }
})

export const benchmark: Benchmark = { name: "sockets", description: about, comparisons, prepare }
