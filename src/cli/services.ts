import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"

export const command = Command.make(
  "services",
  {
    query: flags.optionalArgument("service", "Name, alias or port (default: list all)"),
    protocol: Flag.Literals("protocol", ["tcp", "udp"]).pipe(
      Flag.withDescription("Only this protocol (default both)"),
      Flag.optional,
      Flag.map(Option.getOrUndefined)
    ),
    json: flags.json
  },
  (input) =>
    lazyCommand(
      () => import("./run/services.ts"),
      (run) => run.services(input)
    )
).pipe(
  Command.withDescription("Look up services by name or port (getservbyname, getservbyport)"),
  Command.withExamples([
    { command: "effect-inet services rot13", description: "A service of this package, not in /etc/services" },
    { command: "effect-inet services 69 --protocol udp", description: "The service of UDP port 69" }
  ])
)
