import * as Argument from "effect/cli/Argument"
import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"
import * as operationsFlags from "./common/operationsFlags.ts"
import * as serverFlags from "./common/serverFlags.ts"
import { sessionFlags } from "./common/sessionFlags.ts"

/** Section of the configuration file. */
const section = "listen"

const { idleTimeout: _, ...limits } = serverFlags.limits(section)

export const command = lazyCommand({
  name: "listen",
  description: "Serve a client over TCP, UDP or a unix socket from standard input and output, or by a command (nc -l)",
  examples: [
    ["effect-inet listen 9000 > file", "Receive a file from one client, on this machine only"],
    ["effect-inet listen :: 9000 --half-close < file", "Send a file to one client, on all interfaces"],
    ["effect-inet listen 9000 --keep-open --exec cat", "An echo server: a command for each client"],
    ["effect-inet listen 9000 --keep-open --exec cat --allow 10.0.0.0/8", "Only for the clients of a network"],
    ["effect-inet listen --udp 9000 --keep-open --json", "Print the datagrams of all senders, as JSON"]
  ],
  flags: {
    host: flags.optionalArgument("host", "Address to listen on; :: is all interfaces (default 127.0.0.1)"),
    service: flags.optionalArgument("port", "Port, 0 for any free port, or name of a service"),
    commandArguments: Argument.String("argument").pipe(
      Argument.withDescription("Arguments of the command of --exec; put -- before those that begin with -"),
      Argument.variadic()
    ),
    ...sessionFlags(section),
    keepOpen: flags.toggleBeforePort(
      section,
      "keep-open",
      "Serve one client after the other; with --exec several at a time, each by its own command"
    ),
    ...limits,
    ...operationsFlags.operations(section)
  },
  program: async () => (await import("./run/listen/listen.ts")).listen
})
