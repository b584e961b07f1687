/** Flags of servers that keep a session for each client: how clients are served, and their chances. */
import * as flags from "./flags.ts"

const names = ["iterative", "fibers", "select", "processes", "threads"] as const

/** How the clients of a server are served, by its name on the command line. */
export type ModelName = (typeof names)[number]

export const modelFlags = (service: string) => ({
  model: flags.choice(service, "model", names, "How clients are served (default fibers, one for each client)"),
  pool: flags.integer(service, "pool", 1, 256, "For --model processes: so many, started before (default one a client)"),
  threads: flags.integer(service, "threads", 1, 64, "For --model threads: so many (default one a processor)"),
  seed: flags.integer(
    service,
    "seed",
    0,
    2 ** 32 - 1,
    "The same chances for the n-th client, run by run (default real)"
  ),
  rate: flags.positiveInteger(service, "rate", "Lines a client may send in a second, faster ones wait (default 200)")
})

/** A port that is looked up in more than one place, or has more than one default. */
export const anyPort = (service: string, about: string) => flags.integer(service, "port", 0, 65_535, about)
