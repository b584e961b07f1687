import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"

export const command = Command.make(
  "impair",
  {
    listen: flags.endpoint("listen", "Where clients find the proxy, such as 127.0.0.1:7000; port 0 is any free one"),
    to: flags.endpoint("to", "The server, such as 127.0.0.1:6969"),
    plan: flags
      .faultPlan("plan")
      .pipe(
        Flag.withDescription(
          "What goes wrong between clients and proxy, such as drop=10%; what a capture shows is on both sides of it"
        )
      ),
    seed: flags.seed("seed", "--plan"),
    udp: Flag.Boolean("udp").pipe(Flag.withDescription("Only UDP (default both)"), Flag.withDefault(false)),
    tcp: Flag.Boolean("tcp").pipe(Flag.withDescription("Only TCP (default both)"), Flag.withDefault(false)),
    json: flags.json
  },
  (input) =>
    lazyCommand(
      () => import("./run/impair.ts"),
      (run) => run.impair(input)
    )
).pipe(
  Command.withDescription("Put a bad network between any two programs: a UDP and TCP proxy that follows a fault plan"),
  Command.withExamples([
    {
      command: "effect-inet impair --listen 127.0.0.1:7000 --to 127.0.0.1:6969 --plan drop=10% --seed 7",
      description: "Every tenth datagram to or from a TFTP server is lost"
    },
    {
      command: "effect-inet impair --listen 127.0.0.1:8000 --to localhost:80 --tcp --plan 'delay=200ms, reset=#9'",
      description: "A slow web server that resets a connection"
    }
  ])
)
