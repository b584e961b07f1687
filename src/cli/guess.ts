import * as Command from "effect/cli/Command"
import * as flags from "./common/flags.ts"
import { program } from "./common/lazyCommand.ts"
import { models } from "./common/modelFlags.ts"

const most = 2 ** 31 - 1

const range = (service: string | undefined) => ({
  min: flags.integer(service, "min", 1, most, "The least number to guess (default 1)"),
  max: flags.integer(service, "max", 1, most, "The greatest number to guess (default 1000)")
})

const serve = Command.make(
  "serve",
  {
    host: flags.host("guess"),
    port: flags.port("guess", 1500),
    ...range("guess"),
    ...models("guess"),
    ...flags.limits("guess"),
    json: flags.json
  },
  (input) =>
    program(
      () => import("./run/guess/serve.ts"),
      (run) => run.serve(input)
    )
).pipe(
  Command.withDescription("Serve number guessing: too big, too small, correct!"),
  Command.withExamples([
    { command: "effect-inet guess serve", description: "On 127.0.0.1:1500, for this machine" },
    { command: "effect-inet guess serve --model select", description: "As the course: one loop for all clients" }
  ])
)

const play = Command.make(
  "play",
  {
    host: flags.optionalArgument("host", "Name or address of the server (default localhost)"),
    port: flags.port("guess", 1500),
    ...range(undefined)
  },
  (input) =>
    program(
      () => import("./run/guess/play.ts"),
      (run) => run.play(input)
    )
).pipe(
  Command.withDescription("Guess a number; a line of standard input is a guess"),
  Command.withExamples([
    { command: "effect-inet guess play", description: "At the server of this machine" },
    { command: "seq 1000 | effect-inet guess play", description: "Without much thought" }
  ])
)

export const command = Command.make("guess").pipe(
  Command.withDescription("Number guessing: server and client"),
  Command.withSubcommands([serve, play])
)
