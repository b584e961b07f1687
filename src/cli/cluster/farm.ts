import { commandGroup } from "../common/commandGroup.ts"
import * as flags from "../common/flags.ts"
import { lazyCommand } from "../common/lazyCommand.ts"
import * as operationsFlags from "../common/operationsFlags.ts"

const database = flags.text(
  "farm",
  "database",
  "URL",
  "PostgreSQL database of the cluster, as postgres://user:password@host:port/name; in FARM_DATABASE it is hidden from other users of this machine"
)

const pool = flags.optionalText("farm", "pool", "NAME", "Pool of the cluster (default default)")

const lockExpiration = flags.positiveDuration(
  "farm",
  "lock-expiration",
  "Time after which a host that was not heard of has lost its pools, the same for all processes (default 15s)"
)

const jobs = flags.optionalText(
  "farm",
  "jobs",
  "FILE,...",
  "Modules that export a job, besides that of primes; the same for hosts and workers"
)

const key = flags.argument("key", "Key of the run")

const serve = lazyCommand({
  name: "serve",
  description: "Host the pools of a cluster: split jobs, give out packets, merge results",
  examples: [
    [
      "FARM_DATABASE=postgres://farm@db/farm effect-inet farm serve --host 192.0.2.1",
      "The first of two or three hosts"
    ],
    ["effect-inet farm serve --database postgres://farm@db/farm --host :: --advertise farm1", "In a container"]
  ],
  flags: {
    database,
    host: flags.host("farm"),
    port: flags.port(
      "farm",
      34_431,
      "Port for the other processes of the cluster, 0 for any free port (default 34431)"
    ),
    advertise: flags.optionalText(
      "farm",
      "advertise",
      "HOST",
      "Name or address at which they reach this host (default: --host, or the name of this machine for all interfaces)"
    ),
    jobs,
    lockExpiration,
    silence: flags.positiveDuration(
      "farm",
      "silence",
      "Time after which a worker machine that was not heard of has left (default 2s)"
    ),
    checkpointInterval: flags.positiveDuration("farm", "checkpoint-interval", "Time between checkpoints (default 2s)"),
    keepRuns: flags.positiveDuration(
      "farm",
      "keep-runs",
      "Time for which runs that have ended are kept, with their results (default 168h)"
    ),
    ...operationsFlags.daemon("farm"),
    json: flags.json("farm")
  },
  program: async () => (await import("../run/farm/serve.ts")).serve
})

const work = lazyCommand({
  name: "work",
  description: "Work for a pool of a cluster, on the threads of this machine; needs no port",
  examples: [["effect-inet farm work --database postgres://farm@db/farm --threads 4", "Four threads for the pool"]],
  flags: {
    database,
    pool,
    threads: flags.integer("farm", "threads", 1, 1_024, "Worker threads (default: one for each processor)"),
    name: flags.optionalText("farm", "name", "NAME", "Name in progress and logs (default: machine and process)"),
    jobs,
    lockExpiration,
    ...operationsFlags.daemon("farm"),
    json: flags.json("farm")
  },
  program: async () => (await import("../run/farm/work.ts")).work
})

const list = lazyCommand({
  name: "list",
  description: "List the runs of a cluster, from its database",
  examples: [["effect-inet farm list --database postgres://farm@db/farm", "All pools"]],
  flags: {
    database,
    pool: flags.optionalText("farm", "pool", "NAME", "Only this pool (default all)"),
    json: flags.json("farm")
  },
  program: async () => (await import("../run/farm/list.ts")).list
})

const watch = lazyCommand({
  name: "watch",
  description: "Follow a run until it has ended; a run that does not exist yet is waited for",
  examples: [
    ["effect-inet farm watch --database postgres://farm@db/farm primes-1", "Progress of the run with this key"]
  ],
  flags: { key, database, pool, lockExpiration, json: flags.json("farm") },
  program: async () => (await import("../run/farm/watch.ts")).watch
})

const cancel = lazyCommand({
  name: "cancel",
  description: "Cancel a run for all its clients; the same key continues it later",
  examples: [["effect-inet farm cancel --database postgres://farm@db/farm primes-1", "End the run with this key"]],
  flags: { key, database, pool, lockExpiration, json: flags.json("farm") },
  program: async () => (await import("../run/farm/watch.ts")).cancel
})

export const command = commandGroup(
  "farm",
  "A farm on a cluster: hosts, workers and runs, with a PostgreSQL database",
  [serve, work, list, watch, cancel]
)
