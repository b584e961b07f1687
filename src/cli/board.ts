import * as Command from "effect/cli/Command"
import * as flags from "./common/flags.ts"
import { program } from "./common/lazyCommand.ts"
import { models } from "./common/modelFlags.ts"

const serve = Command.make(
  "serve",
  {
    host: flags.host("board"),
    port: flags.port("board", 1069),
    size: flags.integer("board", "size", 1, 26, "Squares in a row, and rows (default 5)"),
    ...models("board"),
    ...flags.limits("board", "10m"),
    json: flags.json
  },
  (input) =>
    program(
      () => import("./run/board/serve.ts"),
      (run) => run.serve(input)
    )
).pipe(
  Command.withDescription("Serve a board that all clients share: a square is claimed once"),
  Command.withExamples([
    { command: "effect-inet board serve", description: "On 127.0.0.1:1069, for this machine" },
    { command: "effect-inet board serve --size 8 --host ::", description: "A larger one, for the network" }
  ])
)

const play = Command.make(
  "play",
  {
    host: flags.optionalArgument("host", "Name or address of the server (default localhost)"),
    port: flags.port("board", 1069)
  },
  (input) =>
    program(
      () => import("./run/board/play.ts"),
      (run) => run.play(input)
    )
).pipe(
  Command.withDescription("Claim squares and see others do so; plain lines where there is no terminal"),
  Command.withExamples([
    { command: "effect-inet board play", description: "At the server of this machine; cursor keys, Enter, Esc" },
    { command: "echo claim 1 2 | effect-inet board play", description: "Without a terminal, as nc" }
  ])
)

export const command = Command.make("board").pipe(
  Command.withDescription("The shared board: server and client"),
  Command.withSubcommands([serve, play])
)
