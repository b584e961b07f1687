import * as Argument from "effect/cli/Argument"
import { commandGroup } from "./common/commandGroup.ts"
import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"
import * as serverFlags from "./common/serverFlags.ts"
import { withUnixSocket } from "./common/unix/unixSocket.ts"

const defaultPort = 1067

/** Flags of `rot13 serve`. */
export const serveFlags = serverFlags.server("rot13", defaultPort, {
  case: flags.choice(
    "rot13",
    "case",
    ["both", "lower"],
    "Letters to rotate: both cases, or lower case only as the course's C server does (default both)"
  )
})

/** Loads the program of `rot13 serve`. */
export const serveProgram = withUnixSocket(async () => (await import("./run/rot13.ts")).serve, defaultPort)

const serve = lazyCommand({
  name: "serve",
  description: "Serve rot13 over TCP: return the bytes of a client rotated",
  examples: [
    ["effect-inet rot13 serve", "Listen on 127.0.0.1:1067, for this host only"],
    [
      "effect-inet rot13 serve --host :: --max-per-peer 4",
      "Listen on all interfaces, at most 4 connections per address"
    ],
    ["effect-inet rot13 serve --case lower --port 0 --json", "Listen on a free port and print it as JSON"]
  ],
  flags: serveFlags,
  isStdoutFree: () => true,
  program: serveProgram
})

const send = lazyCommand({
  name: "send",
  description: "Send text to a rot13 server and print the replies",
  examples: [
    ["effect-inet rot13 send localhost rot13 Hello World", "Two messages, two replies"],
    ["effect-inet rot13 send 127.0.0.1 1067 < letter.txt", "Send a file of any size"],
    ["effect-inet rot13 send --style new localhost 1067 Hello", "Print: Received 6 bytes: Uryyb"]
  ],
  flags: {
    host: flags.argument("host", "Name or address of the server"),
    service: flags.argument("service", "Port, or name of a service such as rot13"),
    text: flags
      .argument("text", "Messages, each with its own reply; without any, standard input is sent")
      .pipe(Argument.variadic()),
    style: flags.choice(
      "rot13",
      "style",
      ["old", "new", "python"],
      "Client of the course to imitate: old (standard input), new (NUL after each message, reply length shown), python"
    ),
    json: flags.json("rot13")
  },
  program: async () => (await import("./run/rot13.ts")).send
})

export const command = commandGroup("rot13", "The rot13 service: server and client", [serve, send])
