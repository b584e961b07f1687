import { commandGroup } from "./common/commandGroup.ts"
import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"
import { modelFlags } from "./common/modelFlags.ts"
import * as serverFlags from "./common/serverFlags.ts"
import { withUnixSocket } from "./common/unix/unixSocket.ts"

const maxNumber = 2 ** 31 - 1

const range = {
  min: flags.integer("guess", "min", 1, maxNumber, "Smallest number to guess (default 1)"),
  max: flags.integer("guess", "max", 1, maxNumber, "Largest number to guess (default 1000)")
}

const defaultPort = 1500

/** Flags of `guess serve`. */
export const serveFlags = serverFlags.server("guess", defaultPort, { ...range, ...modelFlags("guess") })

/** Loads the program of `guess serve`. */
export const serveProgram = withUnixSocket(async () => (await import("./run/guess/serve.ts")).serve, defaultPort)

const serve = lazyCommand({
  name: "serve",
  description: "Serve number guessing: too big, too small, correct!",
  examples: [
    ["effect-inet guess serve", "Listen on 127.0.0.1:1500"],
    ["effect-inet guess serve --model select", "Serve all clients in one loop, as the course's server"]
  ],
  flags: serveFlags,
  isStdoutFree: () => true,
  program: serveProgram
})

const play = lazyCommand({
  name: "play",
  description: "Guess a number; each line of standard input is a guess",
  examples: [
    ["effect-inet guess play", "Play on the local server"],
    ["seq 1000 | effect-inet guess play", "Guess 1, 2, 3 and so on until the number is found"],
    ["seq 1000 | effect-inet guess play --json", "The same; each reply as JSON, with the number of guesses"]
  ],
  flags: flags.client("guess", 1500, {
    ...range,
    json: flags.json("guess")
  }),
  program: async () => (await import("./run/guess/play.ts")).play
})

export const command = commandGroup("guess", "Number guessing: server and client", [serve, play])
