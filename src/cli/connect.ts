import * as Argument from "effect/cli/Argument"
import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"
import { sessionFlags } from "./common/sessionFlags.ts"

export const command = lazyCommand({
  name: "connect",
  description: "Connect to any server over TCP, UDP or a unix socket, and copy standard input and output (nc)",
  examples: [
    ["effect-inet connect localhost 1067", "Type lines for a rot13 server"],
    ["effect-inet connect --half-close localhost 1067 < letter.txt", "Send a file, its end too, and print the answer"],
    ["printf 'GET / HTTP/1.0\\n\\n' | effect-inet connect --crlf example.org 80", "A request of HTTP"],
    ["effect-inet connect --zero --timeout 1s localhost 22", "Exit with 0 if the port is open, else with 1"],
    ["effect-inet connect --udp --timeout 1s --hex localhost 9 < datagram", "Send a datagram, and dump what arrives"],
    ["effect-inet connect --unix /run/app.sock --exec sh -- -c 'echo hello'", "A command at the end of the connection"]
  ],
  flags: {
    host: flags.optionalArgument("host", "Name or address of the server; without it and the port: --unix"),
    service: flags.optionalArgument("port", "Port, or name of a service such as http"),
    commandArguments: Argument.String("argument").pipe(
      Argument.withDescription("Arguments of the command of --exec; put -- before those that begin with -"),
      Argument.variadic()
    ),
    ...sessionFlags("connect"),
    zero: flags.toggleBeforePort(
      "connect",
      "zero",
      "Only connect, send nothing: exit with 0 if the port is open, else with 1"
    ),
    family: flags.family("connect")
  },
  program: async () => (await import("./run/connect/connect.ts")).connect
})
