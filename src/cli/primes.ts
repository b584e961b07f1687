import { commandGroup } from "./common/commandGroup.ts"
import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"
import * as pageFlags from "./common/pageFlags.ts"
import * as serverFlags from "./common/serverFlags.ts"
import { withUnixSocket } from "./common/unix/unixSocket.ts"

const about = "A..B excludes B, A..=B includes it, B alone is 0..=B; numbers as in 10_000, 1e10, 2^53"

const range = flags.argument("range", about)

const kernel = flags.choice(
  "primes",
  "kernel",
  ["wasm", "segmented", "trial"],
  "The algorithm: wasm is the fastest, trial is the course's trial division (default wasm)"
)

const key = flags.optionalText(
  "primes",
  "key",
  "KEY",
  "The secret of farm and servers; in PRIMES_KEY it is hidden from other users of this machine (default none)"
)

const count = lazyCommand({
  name: "count",
  description: "Count the primes of a range, on threads and on other machines",
  examples: [
    ["effect-inet primes count 0..1e10", "455052511, on all processors"],
    [
      "effect-inet primes count 0..1e12 --hosts 192.0.2.1,192.0.2.2:1071 --workers 2",
      "Two servers, and two threads of this machine"
    ],
    ["effect-inet primes count 0..1e12 --hosts discover,@hosts.txt", "Servers that come and go during the run"],
    ["effect-inet primes count 0..1e12 --hosts 192.0.2.1,192.0.2.2 --verify 5%", "Drops a server that lies"],
    ["effect-inet primes count 1e15..=1000001e9 --checkpoint run.json", "Continues after Ctrl-C or a crash"],
    ["effect-inet primes count 0..1e13 --page on", "Shows its progress on http://127.0.0.1:8066/"],
    [
      "effect-inet primes count 0..1e12 --database postgres://farm@db/farm --key primes-1",
      "On a cluster (see effect-inet farm); the same key again prints the same count at once"
    ]
  ],
  flags: {
    range,
    kernel,
    workers: flags.integer(
      "primes",
      "workers",
      1,
      1_024,
      "Worker threads of this process (default: one for each processor, or none with --hosts)"
    ),
    packets: flags.positiveInteger("primes", "packets", "Number of packets (default: packets of 100 ms)"),
    hosts: flags.optionalText(
      "primes",
      "hosts",
      "HOST[:PORT],...",
      "Servers that count as well; @FILE has one on each line, and discover finds those with --announce (default none)"
    ),
    connectTimeout: flags.positiveDuration(
      "primes",
      "connect-timeout",
      "With --hosts: time in which one server must be ready, unless there are --workers (default 10s)"
    ),
    lease: flags.positiveDuration(
      "primes",
      "lease",
      "With --hosts: time without a sign of life after which a server is disconnected, 1h at most (default 10s)"
    ),
    reconnect: flags.duration(
      "primes",
      "reconnect",
      "With --hosts: time for which a server that is down is tried again, 0s for never (default: as long as the run)"
    ),
    verify: flags.fraction(
      "primes",
      "verify",
      "With --hosts: share of the packets that two servers count, to find one that lies; needs a third one, or this machine lends a thread (default 0%)"
    ),
    // PRIMES_DIALECT is that of the server, and means something else.
    dialect: flags.choice(undefined, "dialect", ["course"], "Use the course's protocol with --hosts"),
    key: flags.optionalText(
      "primes",
      "key",
      "KEY",
      "The secret of farm and servers, in PRIMES_KEY hidden from other users of this machine; with --database the key of the run"
    ),
    database: flags.optionalText(
      "primes",
      "database",
      "URL",
      "Count on a cluster with this PostgreSQL database; in PRIMES_DATABASE it is hidden from other users"
    ),
    pool: flags.optionalText("primes", "pool", "NAME", "Pool of the cluster (default default)"),
    lockExpiration: flags.positiveDuration(
      "primes",
      "lock-expiration",
      "With --database: as for the hosts of the cluster (default 15s)"
    ),
    checkpoint: flags.optionalText(
      "primes",
      "checkpoint",
      "FILE",
      "File for the state of an unfinished run, from which the same command continues; removed at the end"
    ),
    page: pageFlags.addressFlag(
      "primes",
      "Serve a page for browsers on this address during the run, such as 127.0.0.1:8066: progress by worker (default off)"
    ),
    json: flags.json("primes")
  },
  program: async () => (await import("./run/primes/count.ts")).count
})

const list = lazyCommand({
  name: "list",
  description: "List the primes of a range, one on each line, as fast as they are read",
  examples: [["effect-inet primes list 1e15..2^53 | head -1", "The first after 10^15"]],
  // A number is its own JSON: the output is the same.
  flags: { range, kernel, json: flags.json("primes") },
  program: async () => (await import("./run/primes/list.ts")).list
})

const defaultPort = 1070

/** Flags of `primes serve`. */
export const serveFlags = serverFlags.server("primes", defaultPort, {
  dialect: flags.choice(
    "primes",
    "dialect",
    ["course"],
    "Include 0 and 1 in the counts for clients of the course, as its servers do (default: exact counts)"
  ),
  threads: flags.integer("primes", "threads", 1, 1_024, "Worker threads (default: one for each processor)"),
  kernel,
  key,
  announce: flags.toggle("primes", "announce", "Let primes count --hosts discover find this server, over UDP port 2066")
})

/** Loads the program of `primes serve`. */
export const serveProgram = withUnixSocket(async () => (await import("./run/primes/serve.ts")).serve, defaultPort)

const serve = lazyCommand({
  name: "serve",
  description: "Count primes for farms on other machines, and for the course's client",
  examples: [
    ["effect-inet primes serve", "On 127.0.0.1:1070, for this machine"],
    ["PRIMES_KEY=secret effect-inet primes serve --host ::", "For farms that have the key"],
    ["PRIMES_KEY=secret effect-inet primes serve --host :: --announce", "They find it with --hosts discover"],
    ["effect-inet primes serve --dialect course", "664581 primes below 10^7"]
  ],
  flags: serveFlags,
  isStdoutFree: () => true,
  program: serveProgram
})

const speedup = lazyCommand({
  name: "speedup",
  description: "Count the same primes on 1, 2, 3... threads: time, speed-up, efficiency, and a plot",
  examples: [["effect-inet primes speedup --svg speedup.svg", "The speed-up on this machine, as a picture"]],
  flags: {
    range: flags.optionalArgument("range", `${about} (default: some seconds of work for one thread)`),
    workers: flags.integer("primes", "workers", 1, 64, "The most threads to measure (default: one for each processor)"),
    kernel,
    svg: flags.optionalText("primes", "svg", "FILE", "Write the plot to this file as well"),
    json: flags.json("primes")
  },
  program: async () => (await import("./run/primes/speedup.ts")).speedup
})

export const command = commandGroup("primes", "Count and list primes on a processor farm", [
  count,
  list,
  serve,
  speedup
])
