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
    ]
  ],
  flags: {
    listen: flags.endpoint("impair", "listen", "Address of the proxy, such as 127.0.0.1:7000; port 0 is any free port"),
    to: flags.endpoint("impair", "to", "Address of the server, such as 127.0.0.1:6969"),
    plan: flags.faultPlan(
      "impair",
      "plan",
      "Fault plan between the clients and the proxy, such as drop=10%; a capture shows both sides of the proxy"
    ),
    seed: flags.seed("impair", "seed", "--plan"),
    udp: flags.toggle("impair", "udp", "UDP only (default: both)"),
    tcp: flags.toggle("impair", "tcp", "TCP only (default: both)"),
    ...operationsFlags.daemon("impair"),
    json: flags.json("impair")
  },
  isStdoutFree: () => true,
  program: async () => (await import("./run/impair.ts")).impair
})
