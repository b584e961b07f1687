import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"

export const command = Command.make(
  "resolve",
  {
    host: Argument.String("host").pipe(
      Argument.withDescription("Name or address; - for this host: loopback, or with --passive the wildcard address")
    ),
    service: flags.optionalArgument("service", "Port, or name of a service such as http"),
    family: Flag.ChoiceWithValue("family", [
      ["4", 4],
      ["6", 6]
    ]).pipe(Flag.withDescription("Only IPv4, or only IPv6"), Flag.optional, Flag.map(Option.getOrUndefined)),
    type: Flag.Literals("type", ["stream", "dgram"]).pipe(
      Flag.withDescription("Only this type of socket (default both)"),
      Flag.optional,
      Flag.map(Option.getOrUndefined)
    ),
    passive: Flag.Boolean("passive").pipe(
      Flag.withDescription("For a server: without a host, return the wildcard address"),
      Flag.withDefault(false)
    ),
    canonical: Flag.Boolean("canonical").pipe(
      Flag.withDescription("Show the canonical name too"),
      Flag.withDefault(false)
    ),
    json: flags.json
  },
  (input) =>
    lazyCommand(
      () => import("./run/resolve.ts"),
      (run) => run.resolve(input)
    )
).pipe(
  Command.withDescription("Resolve a host and a service to socket addresses, best first (getaddrinfo, RFC 6724)"),
  Command.withExamples([
    { command: "effect-inet resolve localhost http", description: "All addresses and socket types" },
    { command: "effect-inet resolve ::1 22 --json", description: "An IP literal and a port number, as JSON" },
    { command: "effect-inet resolve - 69 --passive --type dgram", description: "The addresses a TFTP server binds" }
  ])
)
