import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"

export const command = Command.make(
  "impair",
  {
    listen: flags.endpoint("listen", "Address of the proxy, such as 127.0.0.1:7000; port 0 is any free port"),
    to: flags.endpoint("to", "Address of the server, such as 127.0.0.1:6969"),
    plan: flags
      .faultPlan("plan")
      .pipe(
        Flag.withDescription(
          "Fault plan between the clients and the proxy, such as drop=10%; a capture shows both sides of the proxy (required)"
        )
      ),
    seed: flags.seed("seed", "--plan"),
    udp: Flag.Boolean("udp").pipe(Flag.withDescription("UDP only (default: both)"), Flag.withDefault(false)),
    tcp: Flag.Boolean("tcp").pipe(Flag.withDescription("TCP only (default: both)"), Flag.withDefault(false)),
    json: flags.json
  },
  (input) =>
    lazyCommand(
      () => import("./run/impair.ts"),
      (run) => run.impair(input)
    )
).pipe(
  Command.withDescription("Impair the network between any two programs: a UDP and TCP proxy with a fault plan"),
  Command.withExamples([
    {
      command: "effect-inet impair --listen 127.0.0.1:7000 --to 127.0.0.1:6969 --plan drop=10% --seed 7",
      description: "Lose a tenth of the datagrams to and from a TFTP server"
    },
    {
      command: "effect-inet impair --listen 127.0.0.1:8000 --to localhost:80 --tcp --plan 'delay=200ms, reset=#9'",
      description: "Delay a web server, and reset a connection"
    }
  ])
)
