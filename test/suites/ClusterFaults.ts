/**
 * Faults of a farm on a cluster, with a real database and real processes, some of which die, freeze or are missing. The
 * run must be exact. Each takes many seconds, because a dead process is missed only after a time: `npm run sweep -- 1
 * cluster` runs them.
 */
import * as Assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import * as Path from "node:path"
import * as PgClient from "@effect/sql-pg/PgClient"
import type * as Sharding from "effect/cluster/Sharding"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as ClusterFarm from "../../src/cluster/ClusterFarm.ts"
import type { RunStatus } from "../../src/cluster/FarmPool.ts"
import * as NodeFarmCluster from "../../src/cluster/NodeFarmCluster.ts"
import { job, sumOf } from "../cluster/jobs/steps.ts"
import * as ClusterProcesses from "../support/cluster/ClusterProcesses.ts"
import * as Postgres from "../support/cluster/Postgres.ts"

/** The database of a scenario, and the command line on it. */
interface World {
  /** The module of the command line. */
  readonly entry: string
  readonly postgres: Postgres.Postgres
  readonly cluster: ClusterProcesses.Cluster
}

const makeWorld = (entry: string, postgres: Postgres.Postgres): World => ({
  ...{ entry, postgres },
  cluster: ClusterProcesses.make(entry, postgres.url)
})

/** A scenario returns a line on what it measured. */
type Scenario = (world: World) => Effect.Effect<string, { readonly message: string }, Scope.Scope>

const steps = Path.join(import.meta.dirname, "../cluster/jobs/steps.ts")

/** The same for all processes: short, so that the death of a host is missed soon. */
const lockExpiration = "8s"

const common = ["--jobs", steps, "--lock-expiration", lockExpiration]

const start = Effect.fnUntraced(function* (
  { cluster }: World,
  hostCount: number,
  workerCount: number,
  ...hostFlags: ReadonlyArray<string>
) {
  const many = <A, R>(count: number, one: Effect.Effect<A, never, R>) =>
    Effect.all(
      Array.from({ length: count }, () => one),
      { concurrency: "unbounded" }
    )
  const hosts = yield* many(hostCount, cluster.host(...common, ...hostFlags))
  const workers = yield* many(workerCount, cluster.worker("--threads", "1", ...common))
  return { hosts, workers }
})

/** Provides a client in this process. */
const withClient = <A, E>({ postgres }: World, effect: Effect.Effect<A, E, Scope.Scope | Sharding.Sharding>) =>
  Effect.provide(
    effect,
    NodeFarmCluster.layerClient({ lockExpiration: "8 seconds" }).pipe(
      Layer.provide(PgClient.layer({ url: Redacted.make(postgres.url) })),
      Layer.orDie
    )
  )

const run = (key: string, packets: number, millis: number) =>
  ClusterFarm.run(job, { packets, millis }, { key, packetSize: 1 })

/** Waits until the state of a run satisfies a condition. */
const until = (key: string, condition: (status: RunStatus) => boolean) =>
  ClusterFarm.watch(key).pipe(Stream.filter(condition), Stream.runHead, Effect.map(Option.getOrThrow))

const untilDone = (key: string, units: number) => until(key, ({ done }) => done >= units)

const ownerOf = (hosts: ReadonlyArray<ClusterProcesses.Process>) =>
  Effect.raceAllFirst(hosts.map((host) => Effect.as(host.waitFor("stderr", /the pool is on this host/), host)))

const seconds = (sinceMillis: number) => `${((performance.now() - sinceMillis) / 1_000).toFixed(1)} s`

/** The number of times that a run was begun. */
const epochOf = ({ postgres }: World, key: string) =>
  Effect.map(postgres.query(`SELECT epoch FROM farm_runs WHERE key = '${key}'`), Number)

const assertPrinted = ({ code, stderr, stdout }: ClusterProcesses.Result, expected: string) =>
  Assert.deepStrictEqual({ code, stdout }, { code: 0, stdout: expected }, stderr)

const killWorker: Scenario = (world) =>
  Effect.gen(function* () {
    const { workers } = yield* start(world, 1, 2)
    const running = yield* Effect.forkScoped(run("worker", 150, 50))
    yield* untilDone("worker", 20)
    yield* workers[0]!.kill("SIGKILL")
    const since = performance.now()
    yield* until("worker", (status) => status.workers.some(({ state }) => state === "gone"))
    const missed = seconds(since)
    Assert.strictEqual(yield* Fiber.join(running), sumOf(150))
    return `missed after ${missed}`
  }).pipe((scenario) => withClient(world, scenario))

const killHost: Scenario = (world) =>
  Effect.gen(function* () {
    const { hosts } = yield* start(world, 2, 2)
    const running = yield* Effect.forkScoped(run("host", 600, 50))
    const { done } = yield* untilDone("host", 100)
    yield* (yield* ownerOf(hosts)).kill("SIGKILL")
    const since = performance.now()
    yield* untilDone("host", done + 100)
    const resumed = seconds(since)
    Assert.strictEqual(yield* Fiber.join(running), sumOf(600))
    Assert.strictEqual(yield* run("host", 600, 50), sumOf(600))
    Assert.strictEqual(yield* epochOf(world, "host"), 2)
    return `goes on after ${resumed}, locks expire after ${lockExpiration}`
  }).pipe((scenario) => withClient(world, scenario))

const freezeHost: Scenario = (world) =>
  Effect.gen(function* () {
    const { hosts } = yield* start(world, 2, 2)
    const running = yield* Effect.forkScoped(run("frozen", 800, 50))
    const { done } = yield* untilDone("frozen", 50)
    const owner = yield* ownerOf(hosts)
    yield* owner.kill("SIGSTOP")
    const since = performance.now()
    yield* untilDone("frozen", done + 50)
    const resumed = seconds(since)
    yield* owner.kill("SIGCONT")
    yield* owner.waitFor("stderr", /another host has taken the run over/)
    Assert.strictEqual(yield* Fiber.join(running), sumOf(800))
    Assert.ok((yield* epochOf(world, "frozen")) >= 2)
    const { done: stored, state } = JSON.parse((yield* world.cluster.run("farm", "list", "--json")).stdout)
    Assert.deepStrictEqual({ stored, state }, { stored: 800, state: "done" })
    return `another host goes on after ${resumed}; thawed, its write is refused`
  }).pipe((scenario) => withClient(world, scenario))

const killClient: Scenario = (world) =>
  Effect.gen(function* () {
    yield* start(world, 1, 1)
    const args = ["primes", "count", "0..2e9", "--kernel", "segmented", "--packets", "100", "--key", "client"]
    const client = yield* world.cluster.start(...args)
    yield* withClient(world, untilDone("client", 1))
    yield* client.kill("SIGKILL")
    const both = yield* Effect.all([world.cluster.run(...args), world.cluster.run(...args)], { concurrency: 2 })
    for (const result of both) assertPrinted(result, "98222287")
    Assert.strictEqual(yield* epochOf(world, "client"), 1)
    return "two later clients have the count of the run that it began"
  })

const stopDatabase =
  (signal: "SIGQUIT" | "SIGKILL"): Scenario =>
  (world) =>
    Effect.gen(function* () {
      const { postgres } = world
      yield* start(world, 2, 2)
      const key = `database-${signal}`
      const running = yield* Effect.forkScoped(run(key, 600, 50))
      const { done } = yield* untilDone(key, 50)
      yield* postgres.stop(signal)
      yield* Effect.sleep("5 seconds")
      yield* postgres.start
      const since = performance.now()
      yield* untilDone(key, done + 150)
      const resumed = seconds(since)
      Assert.strictEqual(yield* Fiber.join(running), sumOf(600))
      return `100 packets later ${resumed} after the database is back`
    }).pipe((scenario) => withClient(world, scenario))

const cancelled: Scenario = (world) =>
  Effect.gen(function* () {
    yield* start(world, 1, 1)
    const args = ["primes", "count", "0..2e9", "--kernel", "segmented", "--packets", "100", "--key", "cancel"]
    const client = yield* world.cluster.start(...args)
    yield* withClient(world, untilDone("cancel", 1))
    assertPrinted(yield* world.cluster.run("farm", "cancel", "cancel"), "cancelled")
    Assert.strictEqual(yield* client.ended, 1)
    Assert.match(client.stderr(), /run cancel was cancelled; run the same key again to continue it/)
    Assert.strictEqual((yield* world.cluster.run("farm", "cancel", "cancel")).code, 1)
    assertPrinted(yield* world.cluster.run(...args), "98222287")
    return "the same key continues it"
  })

const databaseLater: Scenario = ({ cluster, postgres }) =>
  Effect.gen(function* () {
    yield* postgres.stop("SIGQUIT")
    const host = yield* cluster.start("farm", "serve", "--port", "0")
    const worker = yield* cluster.start("farm", "work", "--threads", "1")
    yield* Effect.forEach([host, worker], ({ waitFor }) =>
      waitFor("stderr", /cannot connect to the database.*trying again/)
    )
    yield* postgres.start
    yield* host.waitFor("stderr", /joins the pool/)
    const { stdout } = yield* cluster.run("primes", "count", "0..1e6", "--key", "later")
    Assert.strictEqual(stdout, "78498")
    return "host and worker wait for it"
  })

const otherJobs: Scenario = (world) =>
  Effect.gen(function* () {
    const { cluster } = world
    yield* start(world, 1, 1)
    const url = `file://${steps}?version=2`
    yield* cluster.worker("--threads", "1", "--lock-expiration", lockExpiration, "--name", "newer", "--jobs", url)
    yield* cluster.worker("--threads", "1", "--lock-expiration", lockExpiration, "--name", "without")
    const running = yield* Effect.forkScoped(run("jobs", 200, 50))
    const { refusals } = yield* until("jobs", (status) => status.refusals.length === 2)
    Assert.deepStrictEqual([...refusals].sort(), [
      "newer: it has primes 1, steps 2, not steps 1",
      "without: it has primes 1, not steps 1"
    ])
    Assert.strictEqual(yield* Fiber.join(running), sumOf(200))
    return "they are named, and the others do the work"
  }).pipe((scenario) => withClient(world, scenario))

const poison: Scenario = (world) =>
  Effect.gen(function* () {
    yield* start(world, 1, 3)
    const odd = { at: 2, does: "kill" } as const
    const failing = ClusterFarm.run(job, { packets: 40, millis: 20, odd }, { key: "poison", packetSize: 1 })
    const error = yield* Effect.orDie(Effect.flip(failing))
    Assert.match(error.message, /^run poison failed: packet 2 .* failed 3 times: .*: no call for 2 s/)
    return "a packet that kills three worker processes ends the run, by its number"
  }).pipe((scenario) => withClient(world, scenario))

const skipped: Scenario = (world) =>
  Effect.gen(function* () {
    yield* start(world, 1, 4)
    for (const does of ["throw", "exit", "kill"] as const) {
      const input = { packets: 40, millis: 20, odd: { at: 2, does } } as const
      const options = { key: `skip-${does}`, packetSize: 1, onPoison: "skip" } as const
      // The same key has the same output again, and the run is not begun anew.
      for (const _ of ["first", "again"]) {
        Assert.strictEqual(yield* ClusterFarm.run(job, input, options), sumOf(40) - 2)
        Assert.partialDeepStrictEqual(yield* ClusterFarm.status(options.key), { state: "done", done: 40, skipped: 1 })
      }
      Assert.strictEqual(yield* epochOf(world, options.key), 1)
    }
    return "packets that throw, end their thread or kill three worker processes are left out, and counted"
  }).pipe((scenario) => withClient(world, scenario))

const manyRuns: Scenario = (world) =>
  Effect.gen(function* () {
    yield* start(world, 2, 2)
    const since = performance.now()
    const counts = Array.from({ length: 200 }, (_, at) => at + 1)
    const runAll = Effect.forEach(counts, (count) => run(`many-${count}`, count, 1), { concurrency: "unbounded" })
    Assert.deepStrictEqual(yield* runAll, counts.map(sumOf))
    const first = seconds(since)
    Assert.deepStrictEqual(yield* runAll, counts.map(sumOf))
    const query = "SELECT count(*), sum(epoch), sum(done) FROM farm_runs WHERE state = 'done' AND key LIKE 'many-%'"
    const units = counts.reduce((all, count) => all + count, 0)
    Assert.strictEqual(yield* world.postgres.query(query), `${counts.length}|${counts.length}|${units}`)
    return `${counts.length} runs of ${units} packets in ${first}`
  }).pipe((scenario) => withClient(world, scenario))

/** Interrupts a client at a random time, until it has ended before. Returns its output and the interruptions. */
const runInterrupted = Effect.fnUntraced(function* (key: string, packets: number) {
  let interruptions = 0
  while (true) {
    const output = yield* Effect.timeoutOption(run(key, packets, 10), yield* Random.nextIntBetween(0, 400))
    if (Option.isSome(output)) return { output: output.value, interruptions }
    interruptions++
  }
})

const interrupted: Scenario = (world) =>
  Effect.gen(function* () {
    yield* start(world, 2, 2)
    const counts = Array.from({ length: 20 }, (_, at) => 20 + at)
    const results = yield* Effect.forEach(counts, (count) => runInterrupted(`interrupted-${count}`, count), {
      concurrency: "unbounded"
    })
    for (const [at, { output }] of results.entries()) Assert.strictEqual(output, sumOf(counts[at]!))
    const query = "SELECT max(epoch) FROM farm_runs WHERE state = 'done' AND key LIKE 'interrupted-%'"
    Assert.strictEqual(yield* world.postgres.query(query), "1")
    // Those of the command line, by each signal.
    for (const [at, signal] of (["SIGINT", "SIGTERM", "SIGKILL"] as const).entries()) {
      const args = ["primes", "count", "0..1e9", "--kernel", "segmented", "--packets", "50", "--key", `client-${at}`]
      const client = yield* world.cluster.start(...args)
      yield* Effect.sleep(yield* Random.nextIntBetween(500, 3_000))
      yield* client.kill(signal)
      yield* client.ended
      assertPrinted(yield* world.cluster.run(...args), "50847534")
    }
    const all = results.reduce((sum, { interruptions }) => sum + interruptions, 0)
    return `${counts.length} runs, whose clients were interrupted ${all} times`
  }).pipe((scenario) => withClient(world, scenario))

/** A text that does not become smaller in the database: each checkpoint has it, and needs new space. */
const ballast = (bytes: number) =>
  Array.from(randomBytes(bytes), (byte) => String.fromCharCode(33 + (byte % 90))).join("")

const fullDisk: Scenario = Effect.fnUntraced(function* ({ entry }) {
  const disk = yield* Postgres.makeSmallDisk(192)
  if (disk === undefined) return "not checked: this process may not mount a small disk"
  const postgres = yield* Postgres.makeOn(disk)
  const world = makeWorld(entry, postgres)
  const input = { packets: 200, millis: 50, ballast: ballast(1_200_000) }
  const runWithBallast = (key: string) => ClusterFarm.run(job, input, { key, packetSize: 1 })
  return yield* Effect.gen(function* () {
    const { hosts } = yield* start(world, 1, 1, "--checkpoint-interval", "200ms")
    const running = yield* Effect.forkScoped(runWithBallast("disk"))
    yield* untilDone("disk", 20)
    yield* disk.fill
    yield* hosts[0]!.waitFor("stderr", /No space left on device/)
    const { message } = yield* Effect.orDie(Effect.flip(runWithBallast("other")))
    Assert.match(message, /^pool default is not available: .*No space left on device/)
    yield* Effect.sleep("5 seconds")
    const lines = hosts[0]!
      .stderr()
      .split("\n")
      .filter((line) => line.includes("run disk of pool default"))
    Assert.strictEqual(lines.length, 1, "each failure of the same kind is logged once")
    yield* disk.free
    yield* postgres.restart
    Assert.strictEqual(yield* Fiber.join(running), sumOf(200))
    return `${lines.length} lines of the host on it; a new run: ${message}`
  }).pipe((scenario) => withClient(world, scenario))
})

/** The scenarios by what they do. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  "kill -9 of a worker": killWorker,
  "kill -9 of the host": killHost,
  "the host freezes past its locks": freezeHost,
  "kill -9 of the client": killClient,
  "the database stops for 5 s": stopDatabase("SIGQUIT"),
  "the database is killed": stopDatabase("SIGKILL"),
  "the disk of the database is full": fullDisk,
  "a run is cancelled": cancelled,
  "hosts and workers start before the database": databaseLater,
  "workers with another version, or without the job": otherJobs,
  "a packet that kills its worker process": poison,
  "packets that fail are skipped": skipped,
  "200 runs at once": manyRuns,
  "clients are interrupted at random times": interrupted
}

/** Runs a scenario on a new database, with the command line of this entry. */
export const check = (scenario: Scenario, entry: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const postgres = yield* Postgres.make
      return yield* scenario(makeWorld(entry, postgres))
    })
  )
