import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"
import * as operationsFlags from "./common/operationsFlags.ts"

export const command = lazyCommand({
  name: "impair",
  description: "Impair the network between any two programs: a UDP and TCP proxy with a fault plan",
  examples: [
    [
      "effect-inet impair --listen 127.0.0.1:7000 --to 127.0.0.1:6969 --plan drop=10% --seed 7",
      "Lose a tenth of the datagrams to and from a TFTP server"
    ],
    [
      "effect-inet impair --listen 127.0.0.1:8000 --to localhost:80 --tcp --plan 'delay=200ms, reset=#9'",
      "Delay a web server, and reset a connection"
    ],
    [
      "effect-inet impair --listen 127.0.0.1:7000 --to 127.0.0.1:6969 --plan-file faults.txt --json --interval 1s",
      "Read the plan from a file, and print the statistics each second; kill -HUP reads the file again"
    ]
  ],
  flags: {
    listen: flags.endpoint("impair", "listen", "Address of the proxy, such as 127.0.0.1:7000; port 0 is any free port"),
    to: flags.endpoint("impair", "to", "Address of the server, such as 127.0.0.1:6969"),
    plan: flags.optionalFaultPlan(
      "impair",
      "plan",
      "Fault plan between the clients and the proxy, such as drop=10%; a capture shows both sides of the proxy (required, or --plan-file)"
    ),
    planFile: flags.optionalText(
      "impair",
      "plan-file",
      "FILE",
      "Read the fault plan from this file, one or more rules a line, and again at SIGHUP; an invalid file leaves the plan as it is"
    ),
    controlSocket: flags.optionalText(
      "impair",
      "control-socket",
      "PATH",
      "Take commands on this unix socket, one a line: plan PLAN, heal, stats; only the user of the proxy can connect"
    ),
    seed: flags.seed("impair", "seed", "the plan"),
    udp: flags.toggle("impair", "udp", "UDP only (default: both)"),
    tcp: flags.toggle("impair", "tcp", "TCP only (default: both)"),
    interval: flags.positiveDuration(
      "impair",
      "interval",
      "Print the statistics at this interval: with --json on standard output, else in the log (default: log them each second if they change)"
    ),
    quiet: flags.toggle("impair", "quiet", "Leave the statistics out of the log"),
    ...operationsFlags.daemon("impair"),
    json: flags.json("impair")
  },
  isStdoutFree: () => true,
  program: async () => (await import("./run/impair/impair.ts")).impair
})
