import * as Command from "effect/cli/Command"
import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"
import { modelFlags } from "./common/modelFlags.ts"

const maxNumber = 2 ** 31 - 1

const range = (service: string | undefined) => ({
  min: flags.integer(service, "min", 1, maxNumber, "Smallest number to guess (default 1)"),
  max: flags.integer(service, "max", 1, maxNumber, "Largest number to guess (default 1000)")
})

const serve = Command.make(
  "serve",
  {
    host: flags.host("guess"),
    port: flags.port("guess", 1500),
    ...range("guess"),
    ...modelFlags("guess"),
    ...flags.limits("guess"),
    json: flags.json
  },
  (input) =>
    lazyCommand(
      () => import("./run/guess/serve.ts"),
      (run) => run.serve(input)
    )
).pipe(
  Command.withDescription("Serve number guessing: too big, too small, correct!"),
  Command.withExamples([
    { command: "effect-inet guess serve", description: "Listen on 127.0.0.1:1500" },
    {
      command: "effect-inet guess serve --model select",
      description: "Serve all clients in one loop, as the course's server"
    }
  ])
)

const play = Command.make(
  "play",
  {
    host: flags.optionalArgument("host", "Name or address of the server (default localhost)"),
    port: flags.serverPort("guess", 1500),
    ...range(undefined)
  },
  (input) =>
    lazyCommand(
      () => import("./run/guess/play.ts"),
      (run) => run.play(input)
    )
).pipe(
  Command.withDescription("Guess a number; each line of standard input is a guess"),
  Command.withExamples([
    { command: "effect-inet guess play", description: "Play on the local server" },
    { command: "seq 1000 | effect-inet guess play", description: "Guess 1, 2, 3 and so on until the number is found" }
  ])
)

export const command = Command.make("guess").pipe(
  Command.withDescription("Number guessing: server and client"),
  Command.withSubcommands([serve, play])
)
