import { commandGroup } from "./common/commandGroup.ts"
import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"
import { modelFlags } from "./common/modelFlags.ts"
import * as serverFlags from "./common/serverFlags.ts"
import { withUnixSocket } from "./common/unix/unixSocket.ts"

const defaultPort = 1069

/** Flags of `board serve`. */
export const serveFlags = serverFlags.server(
  "board",
  defaultPort,
  {
    size: flags.integer("board", "size", 1, 26, "Number of rows, and of squares in a row (default 5)"),
    ...modelFlags("board")
  },
  "10m"
)

/** Loads the program of `board serve`. */
export const serveProgram = withUnixSocket(async () => (await import("./run/board/serve.ts")).serve, defaultPort)

const serve = lazyCommand({
  name: "serve",
  description: "Serve a board that all clients share; each square can be claimed once",
  examples: [
    ["effect-inet board serve", "Listen on 127.0.0.1:1069"],
    ["effect-inet board serve --size 8 --host ::", "Serve a larger board, on all interfaces"]
  ],
  flags: serveFlags,
  isStdoutFree: () => true,
  program: serveProgram
})

const play = lazyCommand({
  name: "play",
  description: "Claim squares and watch the other players; without a terminal: plain lines",
  examples: [
    ["effect-inet board play", "Play on the local server with cursor keys, Enter and Esc"],
    ["echo claim 1 2 | effect-inet board play", "Send commands without a terminal, as nc"],
    ["effect-inet board play --json < /dev/null", "Print the board as JSON"]
  ],
  flags: flags.client("board", 1069, { json: flags.json("board") }),
  program: async () => (await import("./run/board/play.ts")).play
})

export const command = commandGroup("board", "The shared board: server and client", [serve, play])
