import * as Command from "effect/cli/Command"
import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"

const boundaries = Command.make("boundaries", { json: flags.json }, (input) =>
  lazyCommand(
    () => import("./run/demo/boundaries.ts"),
    (run) => run.boundaries(input)
  )
).pipe(
  Command.withDescription("Show that UDP keeps message boundaries and TCP does not, on real sockets"),
  Command.withExamples([{ command: "effect-inet demo boundaries", description: "Ten messages over UDP and over TCP" }])
)

const broadcast = Command.make("broadcast", { json: flags.json }, (input) =>
  lazyCommand(
    () => import("./run/demo/broadcast.ts"),
    (run) => run.broadcast(input)
  )
).pipe(
  Command.withDescription(
    "Send one datagram to all sockets of a port: refused without SO_BROADCAST, received by all with it"
  ),
  Command.withExamples([
    { command: "effect-inet demo broadcast", description: "Three receiving sockets on this machine" }
  ])
)

const seed = flags.seed("seed", "the simulated network")

const loss = Command.make("loss", { seed, json: flags.json }, (input) =>
  lazyCommand(
    () => import("./run/demo/loss.ts"),
    (run) => run.loss(input)
  )
).pipe(
  Command.withDescription("Show which datagrams arrive, and when, on a simulated link that loses some"),
  Command.withExamples([
    { command: "effect-inet demo loss --seed 7", description: "Twenty datagrams, one in five lost" }
  ])
)

const misorder = Command.make("misorder", { seed, json: flags.json }, (input) =>
  lazyCommand(
    () => import("./run/demo/misorder.ts"),
    (run) => run.misorder(input)
  )
).pipe(
  Command.withDescription("Show datagrams that arrive out of order on a simulated link"),
  Command.withExamples([{ command: "effect-inet demo misorder", description: "Twenty reordered datagrams" }])
)

const threads = Command.make("threads", { json: flags.json }, (input) =>
  lazyCommand(
    () => import("./run/demo/threads.ts"),
    (run) => run.threads(input)
  )
).pipe(
  Command.withDescription("Compare fibers with worker threads: create, exit, return, cancel, join and detach"),
  Command.withExamples([
    { command: "effect-inet demo threads", description: "The result and the cost of each operation" }
  ])
)

const mutex = Command.make(
  "mutex",
  {
    count: flags.integer(undefined, "count", 1, 1_000_000_000, "Updates per thread (default 1000000)"),
    json: flags.json
  },
  (input) =>
    lazyCommand(
      () => import("./run/demo/mutex.ts"),
      (run) => run.mutex(input)
    )
).pipe(
  Command.withDescription("Show lost updates of a shared number, by threads and by fibers, and how to prevent them"),
  Command.withExamples([{ command: "effect-inet demo mutex", description: "Two threads, a million updates each" }])
)

const zombies = Command.make("zombies", { json: flags.json }, (input) =>
  lazyCommand(
    () => import("./run/demo/zombies.ts"),
    (run) => run.zombies(input)
  )
).pipe(
  Command.withDescription("Create a zombie process and remove it in two ways (Linux)"),
  Command.withExamples([{ command: "effect-inet demo zombies", description: "A real zombie, as shown by /proc" }])
)

const models = Command.make(
  "models",
  {
    clients: flags.integer(undefined, "clients", 1, 200, "Number of simultaneous players (default 8)"),
    turns: flags.integer(undefined, "turns", 1, 1_000_000, "Turns per player (default 1000)"),
    json: flags.json
  },
  (input) =>
    lazyCommand(
      () => import("./run/demo/models.ts"),
      (run) => run.models(input)
    )
).pipe(
  Command.withDescription("Compare the concurrency models under the same load: turns, response times, memory"),
  Command.withExamples([
    { command: "effect-inet demo models --clients 20", description: "Twenty simultaneous players" }
  ])
)

export const command = Command.make("demo").pipe(
  Command.withDescription("Small demonstrations of network programming"),
  Command.withSubcommands([boundaries, broadcast, loss, misorder, mutex, threads, zombies, models])
)
