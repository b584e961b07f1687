/** The demonstration `models`: the same load on every concurrency model, with throughput, times and memory. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Quantity from "../../../network/Quantity.ts"
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

/** Measurement of one model: times in milliseconds, memory in bytes. */
interface Row {
  readonly model: ModelVariant
  readonly turns: number
  readonly turnsPerSecond: number
  readonly median: number
  readonly p99: number
  readonly longest: number
  /** Peak of the server and all its children together; undefined without /proc. */
  readonly memory: number | undefined
  readonly processes: number | undefined
}

const quantile = (sorted: Float64Array, fraction: number) => sorted[Math.ceil(fraction * sorted.length) - 1]!

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
  if (typeof measured === "string")
    return yield* new LoadError({ message: `cannot measure the model "${kind}": ${measured}` })
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
    yield* Effect.logWarning("--faults and --capture do not apply to the processes of the servers and players")
  }
  const print = (text: string) => (json ? Effect.void : Console.log(text))
  yield* print(
    `${Quantity.format(clients, "player")} of number guessing, ${Quantity.format(turns, "turn")} each, against a server under every model\n`
  )
  yield* print(line("", "turns/s", "median ms", "p99 ms", "longest ms", "memory MB", "processes"))
  const rows = yield* Effect.forEach(modelVariants, (kind) =>
    Effect.tap(measure(kind, clients, turns), (row) => print(show(row)))
  )
  yield* print(`
Turns per second are measured from the first connection to the last answer and include the start of processes. A turn
lasts from guess to answer; the longest are those of clients that wait for other clients, or for their process or
thread. Memory is the peak of the server and its children together (RSS: memory that processes share is counted in
each). A thread of another process generates the load; it needs a processor too.`)
  if (json) yield* Console.log(JSON.stringify({ clients, turns, models: rows }))
})
