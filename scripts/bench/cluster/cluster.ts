/** A farm on a cluster of several processes with a database, beside two threads of one process. */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Postgres from "../../../test/support/cluster/Postgres.ts"
import type { BenchError, Child } from "../child.ts"
import type { Benchmark, Comparison, Measure, Options } from "../harness.ts"
import * as Deaths from "./deaths.ts"
import * as Packets from "./packets.ts"
import * as Programs from "./programs.ts"

const ours = "cluster"
const threads = "two threads"

const { lockExpirationSeconds } = Programs

const names = {
  empty: "empty packets",
  timed: "100 ms packets",
  redone: "worker killed: its packets are done after",
  goesOn: "host killed: the run goes on after",
  memory: "a million packets: memory of the host",
  database: "a million packets: database"
} as const

/** The default time after which a worker that has not called has left. */
const silenceSeconds = 2

/** Figures of the cluster with which its other figures are compared. */
const beside = {
  silence: "worker killed: missed after",
  locks: "host killed: locks expire after",
  memory: "a million packets: memory after a tenth",
  database: "a million packets: database after a tenth"
} as const

const atMost = (subject: "figure" | "ratio", value: number) => ({ subject, comparator: "<=", value }) as const

const comparisons: ReadonlyArray<Comparison> = [
  { measure: names.empty, peer: threads, bar: { subject: "figure", comparator: ">=", value: 4 } },
  { measure: names.timed, peer: threads, bar: { subject: "ratio", comparator: ">=", value: 0.95 } },
  { measure: names.redone, peer: ours, peerMeasure: beside.silence, bar: atMost("figure", 3) },
  { measure: names.goesOn, peer: ours, peerMeasure: beside.locks, bar: atMost("figure", lockExpirationSeconds + 1) },
  { measure: names.memory, peer: ours, peerMeasure: beside.memory, bar: atMost("ratio", 1.1) },
  { measure: names.database, peer: ours, peerMeasure: beside.database, bar: atMost("ratio", 1.05) }
]

const description = `One host, two worker processes with a thread each, a client and PostgreSQL on the same processors, beside \`Farm.run\` on
two threads of one process. All threads are started before. Of all but the first there is one sample per round.

- *Empty packets*: from the call of the client to its output, with the message in the database.
- *100 ms packets*: asleep; from the begin of the first to the end of the last, so without the start of the run.
- *Worker killed* (\`kill -9\`) amid 100 ms packets: until the packets that it had are done by the other worker.
- *Host killed*, of two, with locks of ${lockExpirationSeconds} s: until a worker begins a packet that the other host gave.
- *Memory*: the heap of the host with its array buffers, after a full garbage collection. *Database*: its size with all
  tables and indexes. Both after a tenth of a million empty packets, and at their end.`

/** Returns the packets per second between the begin of the first and the end of the last. */
const rateOf = (log: string) => {
  const record = Packets.readRecord(log)
  const begin = Math.min(...record.map(({ beginMillis }) => beginMillis))
  const end = Math.max(...record.map(({ endMillis = 0 }) => endMillis))
  return (record.length * 1_000) / (end - begin)
}

/** A cluster and two threads, both started. */
interface Contestants {
  readonly programs: Programs.Programs
  readonly host: Child
  readonly run: (contestant: string, input: Packets.Input) => Effect.Effect<unknown, BenchError>
}

const startAll = Effect.fnUntraced(function* ({ profile }: Options) {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-inet-bench-"))),
    (name) => Effect.sync(() => Fs.rmSync(name, { recursive: true, force: true }))
  )
  const profiling = profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`]
  const postgres = yield* Postgres.make
  const host = yield* Programs.startHost({ postgres, profiling })
  yield* Effect.all(
    [1, 2].map(() => Programs.startWorker({ postgres, profiling })),
    { concurrency: 2 }
  )
  const client = yield* Programs.makeClient(postgres)
  const programs: Programs.Programs = { postgres, profiling, folder, client }
  const child = yield* Programs.startThreads(profiling)
  const run: Contestants["run"] = (contestant, input) =>
    contestant === threads ? child.request(JSON.stringify(input)) : Programs.asClient(programs, Programs.run(input))
  for (const contestant of [ours, threads]) yield* run(contestant, { packets: 40, millis: 20 })
  return { programs, host, run } satisfies Contestants
})

/** Returns the sampling of the memory of the host and the size of the database, all in one run. */
const growth = ({ host, programs }: Contestants, packets: number) => {
  const found = new Map<string, number>()
  const observe = Effect.fnUntraced(function* (memory: string, database: string) {
    const bytes = yield* programs.postgres.query("SELECT pg_database_size(current_database())")
    found.set(memory, Number(yield* host.request("memory")) / 2 ** 20).set(database, Number(bytes) / 2 ** 20)
  })
  const measureAll = Effect.gen(function* () {
    const key = Programs.newName()
    const running = yield* Effect.forkScoped(Programs.run({ packets, millis: 0 }, key))
    yield* Programs.untilDone(key, packets / 10)
    yield* observe(beside.memory, beside.database)
    yield* Fiber.join(running)
    yield* observe(names.memory, names.database)
  }).pipe(Effect.scoped, (effect) => Programs.asClient(programs, effect))
  return Effect.fnUntraced(function* (name: string) {
    if (!found.has(name)) yield* measureAll
    const mebibytes = found.get(name)!
    found.delete(name)
    return mebibytes
  })
}

const once = (name: string, unit: string, sample: Measure["sample"]): Measure => ({
  ...{ name, unit, contestants: [ours], lowerIsBetter: true, oncePerRound: true, sample }
})

const prepare = Effect.fnUntraced(function* (options: Options) {
  if (!Postgres.isInstalled) {
    const note = "Nothing was measured: PostgreSQL is missing (Debian's package postgresql)."
    return { contestants: [ours, threads], measures: [], notes: [note] }
  }
  const contestants = yield* startAll(options)
  const { programs, run } = contestants
  const [empty, timed, many] = options.quick ? [5_000, 20, 20_000] : [100_000, 200, 1_000_000]
  const grown = growth(contestants, many)
  const measures: ReadonlyArray<Measure> = [
    {
      ...{ name: names.empty, unit: "k/s" },
      sample: Effect.fnUntraced(function* (contestant) {
        const [duration] = yield* Effect.timed(run(contestant, { packets: empty, millis: 0 }))
        return empty / Duration.toMillis(duration)
      })
    },
    {
      ...{ name: names.timed, unit: "/s", oncePerRound: true },
      sample: Effect.fnUntraced(function* (contestant) {
        const log = Path.join(programs.folder, Programs.newName())
        yield* run(contestant, { packets: timed, millis: 100, log })
        return rateOf(log)
      })
    },
    once(names.redone, "s", () => Deaths.killWorker(programs)),
    once(beside.silence, "s", () => Effect.succeed(silenceSeconds)),
    once(names.goesOn, "s", () => Deaths.killHost(programs)),
    once(beside.locks, "s", () => Effect.succeed(lockExpirationSeconds)),
    ...[names.memory, beside.memory, names.database, beside.database].map((name) =>
      once(name, "MiB", () => grown(name))
    )
  ]
  return { contestants: [ours, threads], measures, notes: [] }
})

export const benchmark: Benchmark = { name: "cluster", description, comparisons, prepare }
