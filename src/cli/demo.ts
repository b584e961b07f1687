import * as Command from "effect/cli/Command"
import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"

const boundaries = Command.make("boundaries", { json: flags.json }, (input) =>
  lazyCommand(
    () => import("./run/demo/boundaries.ts"),
    (run) => run.boundaries(input)
  )
).pipe(
  Command.withDescription("UDP keeps message borders, TCP does not: real sockets, real read sizes"),
  Command.withExamples([{ command: "effect-inet demo boundaries", description: "Ten messages over each" }])
)

const broadcast = Command.make("broadcast", { json: flags.json }, (input) =>
  lazyCommand(
    () => import("./run/demo/broadcast.ts"),
    (run) => run.broadcast(input)
  )
).pipe(
  Command.withDescription("One datagram for all: refused without SO_BROADCAST, heard by every socket with it"),
  Command.withExamples([{ command: "effect-inet demo broadcast", description: "On this machine, three sockets" }])
)

const seed = flags.seed("seed", "the simulated network")

const loss = Command.make("loss", { seed, json: flags.json }, (input) =>
  lazyCommand(
    () => import("./run/demo/loss.ts"),
    (run) => run.loss(input)
  )
).pipe(
  Command.withDescription("A network that loses datagrams: which came, and when, on a simulated link"),
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
  Command.withDescription("A network that lets datagrams overtake each other, on a simulated link"),
  Command.withExamples([{ command: "effect-inet demo misorder", description: "Twenty datagrams, out of order" }])
)

const threads = Command.make("threads", { json: flags.json }, (input) =>
  lazyCommand(
    () => import("./run/demo/threads.ts"),
    (run) => run.threads(input)
  )
).pipe(
  Command.withDescription("Create, exit, return, cancel, join and detach: fibers beside worker threads"),
  Command.withExamples([{ command: "effect-inet demo threads", description: "What each does, and what it costs" }])
)

const mutex = Command.make(
  "mutex",
  {
    count: flags.integer(undefined, "count", 1, 1_000_000_000, "Updates of each thread (default 1000000)"),
    json: flags.json
  },
  (input) =>
    lazyCommand(
      () => import("./run/demo/mutex.ts"),
      (run) => run.mutex(input)
    )
).pipe(
  Command.withDescription("Threads and fibers that lose updates to a number they share, and what helps"),
  Command.withExamples([{ command: "effect-inet demo mutex", description: "Two threads, a million updates each" }])
)

const zombies = Command.make("zombies", { json: flags.json }, (input) =>
  lazyCommand(
    () => import("./run/demo/zombies.ts"),
    (run) => run.zombies(input)
  )
).pipe(
  Command.withDescription("A process that has ended and is still there, and two cures (Linux)"),
  Command.withExamples([{ command: "effect-inet demo zombies", description: "A real one, from /proc" }])
)

const models = Command.make(
  "models",
  {
    clients: flags.integer(undefined, "clients", 1, 200, "Players at a time (default 8)"),
    turns: flags.integer(undefined, "turns", 1, 1_000_000, "Turns of each (default 1000)"),
    json: flags.json
  },
  (input) =>
    lazyCommand(
      () => import("./run/demo/models.ts"),
      (run) => run.models(input)
    )
).pipe(
  Command.withDescription("The same load on a server under every model: turns, times, memory"),
  Command.withExamples([{ command: "effect-inet demo models --clients 20", description: "Twenty players" }])
)

export const command = Command.make("demo").pipe(
  Command.withDescription("Small demonstrations of network programming"),
  Command.withSubcommands([boundaries, broadcast, loss, misorder, mutex, threads, zombies, models])
)
