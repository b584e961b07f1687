import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"

const serve = Command.make(
  "serve",
  {
    host: flags.host("rot13"),
    port: flags.port("rot13", 1067),
    case: Flag.Literals("case", ["both", "lower"]).pipe(
      Flag.withDescription(
        "Letters to rotate: both cases, or lower case only as the course's C server does (default both)"
      ),
      Flag.withDefault("both")
    ),
    ...flags.limits("rot13"),
    json: flags.json
  },
  (input) =>
    lazyCommand(
      () => import("./run/rot13.ts"),
      (run) => run.serve(input)
    )
).pipe(
  Command.withDescription("Serve rot13 over TCP: return the bytes of a client rotated"),
  Command.withExamples([
    { command: "effect-inet rot13 serve", description: "Listen on 127.0.0.1:1067, for this host only" },
    {
      command: "effect-inet rot13 serve --host :: --max-per-peer 4",
      description: "Listen on all interfaces, at most 4 connections per address"
    },
    {
      command: "effect-inet rot13 serve --case lower --port 0 --json",
      description: "Listen on a free port and print it as JSON"
    }
  ])
)

const send = Command.make(
  "send",
  {
    host: Argument.String("host").pipe(Argument.withDescription("Name or address of the server")),
    service: Argument.String("service").pipe(Argument.withDescription("Port, or name of a service such as rot13")),
    text: Argument.String("text").pipe(
      Argument.withDescription("Messages, each with its own reply; without any, standard input is sent"),
      Argument.variadic()
    ),
    style: Flag.Literals("style", ["old", "new", "python"]).pipe(
      Flag.withDescription(
        "Client of the course to imitate: old (standard input), new (NUL after each message, reply length shown), python"
      ),
      Flag.optional,
      Flag.map(Option.getOrUndefined)
    ),
    json: flags.json
  },
  (input) =>
    lazyCommand(
      () => import("./run/rot13.ts"),
      (run) => run.send(input)
    )
).pipe(
  Command.withDescription("Send text to a rot13 server and print the replies"),
  Command.withExamples([
    { command: "effect-inet rot13 send localhost rot13 Hello World", description: "Two messages, two replies" },
    { command: "effect-inet rot13 send 127.0.0.1 1067 < letter.txt", description: "Send a file of any size" },
    {
      command: "effect-inet rot13 send --style new localhost 1067 Hello",
      description: "Print: Received 6 bytes: Uryyb"
    }
  ])
)

export const command = Command.make("rot13").pipe(
  Command.withDescription("The rot13 service: server and client"),
  Command.withSubcommands([serve, send])
)
