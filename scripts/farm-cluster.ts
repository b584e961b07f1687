/**
 * Counts primes on a cluster on this machine, with a PostgreSQL server of its own, two hosts and two workers. The host
 * that has the pool is killed meanwhile.
 *
 * npx node scripts/farm-cluster.ts [RANGE] [PACKETS]
 *
 * It needs Debian's package postgresql, whose server need not run.
 */
import * as Path from "node:path"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as ClusterProcesses from "../test/support/cluster/ClusterProcesses.ts"
import * as Postgres from "../test/support/cluster/Postgres.ts"

const [range = "0..1e10", packets = "500"] = process.argv.slice(2)

const entry = Path.join(import.meta.dirname, "effect-inet.ts")

/** Kills the host that has the pool. */
const killOwner = Effect.fnUntraced(function* (hosts: ReadonlyArray<ClusterProcesses.Process>) {
  const owner = yield* Effect.raceAllFirst(
    hosts.map((host) => Effect.as(host.waitFor("stderr", /the pool is on this host/), host))
  )
  yield* Console.log(`kill -9 ${owner.pid}, the host of the pool`)
  yield* owner.kill("SIGKILL")
})

const cluster = Effect.gen(function* () {
  if (!Postgres.isInstalled) return yield* Effect.die(new Error("PostgreSQL is missing; install Debian's postgresql"))
  const postgres = yield* Postgres.make
  const { host, run, start, worker } = ClusterProcesses.make(entry, postgres.url)
  yield* Console.log(`database ${postgres.url}`)
  const hosts = yield* Effect.all([host(), host()], { concurrency: 2 })
  yield* Effect.all([worker("--threads", "1"), worker("--threads", "1")], { concurrency: 2 })
  yield* Console.log("two hosts and two workers are up")
  const args = ["primes", "count", range, "--packets", packets, "--key", "one"]
  const client = yield* start(...args)
  const watch = yield* start("farm", "watch", "one", "--json")
  yield* watch.waitFor("stdout", /"state":"running","attempt":1,"done":[1-9]/)
  yield* killOwner(hosts)
  yield* client.ended
  yield* Console.log(`the count of ${range} is ${client.stdout().trim()}`)
  const again = yield* run(...args)
  yield* Console.log(`the same key again: ${again.stdout}`)
  yield* Console.log((yield* run("farm", "list")).stdout)
})

NodeRuntime.runMain(Effect.scoped(cluster))
