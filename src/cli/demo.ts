import * as Command from "effect/cli/Command"
import * as flags from "./flags.ts"
import { program } from "./program.ts"

const boundaries = Command.make("boundaries", { json: flags.json }, (input) =>
  program(
    () => import("./run/boundaries.ts"),
    (run) => run.boundaries(input)
  )
).pipe(
  Command.withDescription("UDP keeps message borders, TCP does not: real sockets, real read sizes"),
  Command.withExamples([{ command: "effect-inet demo boundaries", description: "Ten messages over each" }])
)

const seed = flags.seed("seed", "the simulated network")

const loss = Command.make("loss", { seed, json: flags.json }, (input) =>
  program(
    () => import("./run/loss.ts"),
    (run) => run.loss(input)
  )
).pipe(
  Command.withDescription("A network that loses datagrams: which came, and when, on a simulated link"),
  Command.withExamples([
    { command: "effect-inet demo loss --seed 7", description: "Twenty datagrams, one in five lost" }
  ])
)

const misorder = Command.make("misorder", { seed, json: flags.json }, (input) =>
  program(
    () => import("./run/misorder.ts"),
    (run) => run.misorder(input)
  )
).pipe(
  Command.withDescription("A network that lets datagrams overtake each other, on a simulated link"),
  Command.withExamples([{ command: "effect-inet demo misorder", description: "Twenty datagrams, out of order" }])
)

export const command = Command.make("demo").pipe(
  Command.withDescription("Small demonstrations of network programming"),
  Command.withSubcommands([boundaries, loss, misorder])
)
