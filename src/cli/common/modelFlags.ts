/** Flags of servers that keep a session for each client: concurrency model, rate and seed. */
import * as flags from "./flags.ts"

const modelNames = ["iterative", "fibers", "select", "processes", "threads"] as const

/** Name of a concurrency model on the command line. */
export type ModelName = (typeof modelNames)[number]

/** Returns the flags of a service with a concurrency model. */
export const modelFlags = (service: string) => ({
  model: flags.choice(service, "model", modelNames, "Concurrency model (default fibers: one fiber for each client)"),
  pool: flags.integer(
    service,
    "pool",
    1,
    256,
    "With --model processes: number of pre-forked processes (default one per client)"
  ),
  threads: flags.integer(
    service,
    "threads",
    1,
    64,
    "With --model threads: number of threads that share the port (default one per processor)"
  ),
  perClient: flags.toggle(
    service,
    "per-client",
    "With --model threads: a thread for each client, at most 100 unless --max-connections says otherwise"
  ),
  workerTimeout: flags.positiveDuration(
    service,
    "worker-timeout",
    "With --model processes or threads: kill a worker that does not respond for this time (default 30s)"
  ),
  seed: flags.integer(service, "seed", 0, 2 ** 32 - 1, "Seed for reproducible randomness (default random)"),
  rate: flags.positiveInteger(
    service,
    "rate",
    "Lines that a client may send per second; further lines are delayed (default 200)"
  )
})

/** Returns a port flag without a default of its own, for ports that depend on other flags. */
export const anyPort = (service: string, about: string) => flags.integer(service, "port", 0, 65_535, about)
