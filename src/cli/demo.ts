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

export const command = Command.make("demo").pipe(
  Command.withDescription("Small demonstrations of network programming"),
  Command.withSubcommands([boundaries])
)
