import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"

export const command = lazyCommand({
  name: "resolve",
  description: "Resolve a host and a service to socket addresses, best first (getaddrinfo, RFC 6724)",
  examples: [
    ["effect-inet resolve localhost http", "All addresses and socket types"],
    ["effect-inet resolve ::1 22 --json", "An IP literal and a port number, as JSON"],
    ["effect-inet resolve - 69 --passive --type dgram", "The addresses a TFTP server binds"]
  ],
  flags: {
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
  program: async () => (await import("./run/resolve.ts")).resolve
})
