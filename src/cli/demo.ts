import { commandGroup } from "./common/commandGroup.ts"
import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"

const boundaries = lazyCommand({
  name: "boundaries",
  description: "Show that UDP keeps message boundaries and TCP does not, on real sockets",
  examples: [["effect-inet demo boundaries", "Ten messages over UDP and over TCP"]],
  flags: { json: flags.json("demo") },
  program: async () => (await import("./run/demo/boundaries.ts")).boundaries
})

const broadcast = lazyCommand({
  name: "broadcast",
  description: "Send one datagram to all sockets of a port: refused without SO_BROADCAST, received by all with it",
  examples: [["effect-inet demo broadcast", "Three receiving sockets on this machine"]],
  flags: { json: flags.json("demo") },
  program: async () => (await import("./run/demo/broadcast.ts")).broadcast
})

const seed = flags.seed("demo", "seed", "the simulated network")

const loss = lazyCommand({
  name: "loss",
  description: "Show which datagrams arrive, and when, on a simulated link that loses some",
  examples: [["effect-inet demo loss --seed 7", "Twenty datagrams, one in five lost"]],
  flags: { seed, json: flags.json("demo") },
  program: async () => (await import("./run/demo/loss.ts")).loss
})

const misorder = lazyCommand({
  name: "misorder",
  description: "Show datagrams that arrive out of order on a simulated link",
  examples: [["effect-inet demo misorder", "Twenty reordered datagrams"]],
  flags: { seed, json: flags.json("demo") },
  program: async () => (await import("./run/demo/misorder.ts")).misorder
})

const threads = lazyCommand({
  name: "threads",
  description: "Compare fibers with worker threads: create, exit, return, cancel, join and detach",
  examples: [["effect-inet demo threads", "The result and the cost of each operation"]],
  flags: { json: flags.json("demo") },
  program: async () => (await import("./run/demo/threads.ts")).threads
})

const mutex = lazyCommand({
  name: "mutex",
  description: "Show lost updates of a shared number, by threads and by fibers, and how to prevent them",
  examples: [["effect-inet demo mutex", "Two threads, a million updates each"]],
  flags: {
    count: flags.integer("demo", "count", 1, 1_000_000_000, "Updates per thread (default 1000000)"),
    json: flags.json("demo")
  },
  program: async () => (await import("./run/demo/mutex.ts")).mutex
})

const zombies = lazyCommand({
  name: "zombies",
  description: "Create a zombie process and remove it in two ways (Linux)",
  examples: [["effect-inet demo zombies", "A real zombie, as shown by /proc"]],
  flags: { json: flags.json("demo") },
  program: async () => (await import("./run/demo/zombies.ts")).zombies
})

const models = lazyCommand({
  name: "models",
  description: "Compare the concurrency models under the same load: turns, response times, memory",
  examples: [["effect-inet demo models --clients 20", "Twenty simultaneous players"]],
  flags: {
    clients: flags.integer("demo", "clients", 1, 200, "Number of simultaneous players (default 8)"),
    turns: flags.integer("demo", "turns", 1, 1_000_000, "Turns per player (default 1000)"),
    json: flags.json("demo")
  },
  program: async () => (await import("./run/demo/models.ts")).models
})

export const command = commandGroup("demo", "Small demonstrations of network programming", [
  boundaries,
  broadcast,
  loss,
  misorder,
  mutex,
  threads,
  zombies,
  models
])
