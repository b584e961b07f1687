/** The same load against every model: how many turns, how quick, how much memory. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Table from "../../../terminal/Table.ts"
import * as flags from "../../common/flags.ts"
import * as NodeDemoThreads from "./NodeDemoThreads.ts"
import {
  LoadError,
  type LoadJob,
  type LoadResult,
  type ModelVariant,
  memory,
  modelVariants,
  startServer
} from "./NodeLoadGenerator.ts"

interface Input {
  readonly json: boolean
  readonly clients: number | undefined
  readonly turns: number | undefined
}

/** Times in milliseconds, memory in bytes. */
interface Row {
  readonly model: ModelVariant
  readonly turns: number
  readonly turnsPerSecond: number
  readonly median: number
  readonly p99: number
  readonly longest: number
  /** Of the server and all its children together, at most; undefined where the system does not tell. */
  readonly memory: number | undefined
  readonly processes: number | undefined
}

const quantile = (sorted: Float64Array, part: number) => sorted[Math.ceil(part * sorted.length) - 1]!

const measure = Effect.fnUntraced(function* (kind: ModelVariant, clients: number, turns: number) {
  const { pid, port } = yield* startServer(kind, clients)
  const peak = yield* Ref.make({ bytes: 0, processes: 0 })
  const sampleMemory = Effect.flatMap(memory(pid), (now) =>
    Ref.update(peak, (highest) => (now.bytes > highest.bytes ? now : highest))
  )
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(sampleMemory, Effect.sleep("50 millis"))))
  const load = yield* NodeDemoThreads.startThread<LoadResult>("NodeLoadGeneratorThread", {
    port,
    clients,
    turns
  } satisfies LoadJob)
  const measured = yield* load.nextMessage
  if (typeof measured === "string") return yield* new LoadError({ message: `the model "${kind}": ${measured}` })
  yield* sampleMemory
  const { bytes, processes } = yield* Ref.get(peak)
  const sorted = measured.turns.toSorted()
  const row: Row = {
    model: kind,
    turns: sorted.length,
    turnsPerSecond: (sorted.length / measured.millis) * 1_000,
    median: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    longest: sorted.at(-1)!,
    memory: bytes === 0 ? undefined : bytes,
    processes: bytes === 0 ? undefined : processes
  }
  return row
}, Effect.scoped)

const line = (model: string, ...cells: ReadonlyArray<string>) =>
  Table.formatRow([Table.left(10), ...cells.map(() => Table.right(11))], [model, ...cells])

const show = ({ longest, median, memory, model, p99, processes, turnsPerSecond }: Row) =>
  line(
    model,
    turnsPerSecond.toFixed(0),
    ...[median, p99, longest].map((millis) => millis.toFixed(2)),
    memory === undefined ? "-" : (memory / 1e6).toFixed(0),
    `${processes ?? "-"}`
  )

export const models = Effect.fnUntraced(function* ({ clients = 8, json, turns = 1_000 }: Input) {
  if (((yield* flags.Faults) ?? []).length > 0 || (yield* flags.Capture) !== undefined) {
    yield* Effect.logWarning("--faults and --capture cannot follow into the processes that serve and play")
  }
  const say = (text: string) => (json ? Effect.void : Console.log(text))
  yield* say(`${clients} players of number guessing, ${turns} turns each, against a server under every model\n`)
  yield* say(line("", "turns/s", "median ms", "p99 ms", "longest ms", "memory MB", "processes"))
  const rows = yield* Effect.forEach(modelVariants, (kind) =>
    Effect.tap(measure(kind, clients, turns), (row) => say(show(row)))
  )
  yield* say(`
Turns per second count from the first connection to the last answer, the start of a process for a client included. A
turn lasts from guess to answer; the longest are those of clients who wait for their turn, or for their process. Memory
is the most that the server and its children had (RSS: what processes share is counted in each). The load is a thread of
another process; it wants a processor, too.`)
  if (json) yield* Console.log(JSON.stringify({ clients, turns, models: rows }))
})
