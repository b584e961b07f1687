import * as Command from "effect/cli/Command"
import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"
import { modelFlags } from "./common/modelFlags.ts"

const serve = Command.make(
  "serve",
  {
    host: flags.host("board"),
    port: flags.port("board", 1069),
    size: flags.integer("board", "size", 1, 26, "Number of rows, and of squares in a row (default 5)"),
    ...modelFlags("board"),
    ...flags.limits("board", "10m"),
    json: flags.json
  },
  (input) =>
    lazyCommand(
      () => import("./run/board/serve.ts"),
      (run) => run.serve(input)
    )
).pipe(
  Command.withDescription("Serve a board that all clients share; each square can be claimed once"),
  Command.withExamples([
    { command: "effect-inet board serve", description: "Listen on 127.0.0.1:1069" },
    { command: "effect-inet board serve --size 8 --host ::", description: "Serve a larger board, on all interfaces" }
  ])
)

const play = Command.make(
  "play",
  {
    host: flags.optionalArgument("host", "Name or address of the server (default localhost)"),
    port: flags.serverPort("board", 1069)
  },
  (input) =>
    lazyCommand(
      () => import("./run/board/play.ts"),
      (run) => run.play(input)
    )
).pipe(
  Command.withDescription("Claim squares and watch the other players; without a terminal: plain lines"),
  Command.withExamples([
    { command: "effect-inet board play", description: "Play on the local server with cursor keys, Enter and Esc" },
    { command: "echo claim 1 2 | effect-inet board play", description: "Send commands without a terminal, as nc" }
  ])
)

export const command = Command.make("board").pipe(
  Command.withDescription("The shared board: server and client"),
  Command.withSubcommands([serve, play])
)
