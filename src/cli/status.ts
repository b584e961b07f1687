import * as Command from "effect/cli/Command"
import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"

const transports = ["broadcast", "multicast", "mesh", "relay"] as const

export const command = Command.make(
  "status",
  {
    name: flags.optionalArgument("name", "What others see (default: the name of this host)"),
    transport: flags.choice("status", "transport", transports, "How packets travel (default broadcast)"),
    address: flags.optionalText(
      "status",
      "address",
      "ADDRESS,...",
      "Where to send: broadcast addresses, a group, the peers of a mesh or the relay (default: the whole network)"
    ),
    host: flags.optionalText(
      "status",
      "host",
      "ADDRESS",
      "Address to listen on: of --relay (default 127.0.0.1), or of --transport mesh (default all)"
    ),
    port: flags.port("status", 2_066),
    cluster: flags.optionalText("status", "cluster", "NAME", "Hear only those who name the same (default none)"),
    key: flags.optionalText(
      "status",
      "key",
      "KEY",
      "A secret that all share; in STATUS_KEY others on this machine do not see it (default none)"
    ),
    interval: flags.duration("status", "interval", "Say how it is at least every so often (default 1s)"),
    dialect: flags.choice(
      "status",
      "dialect",
      ["effect-inet", "course"],
      "Send packets of this kind; those of the course have 72 bytes (default effect-inet; both are heard)"
    ),
    suspectAfter: flags.integer("status", "suspect-after", 1, 1_000, "Missed packets until suspect (default 3)"),
    downAfter: flags.integer("status", "down-after", 1, 1_000, "Missed packets until down (default 5)"),
    once: flags.toggle("status", "once", "Print who is there as a table, and leave, without a word to others"),
    settle: flags.duration("status", "settle", "With --once: listen for so long before (default 3s)"),
    listen: flags.toggle("status", "listen", "Only look: say nothing, so that no other peer knows of it"),
    screen: flags.toggle("status", "screen", "Draw all names at their places, as the course does"),
    relay: flags.toggle("status", "relay", "Be the agent that passes packets on between --transport relay peers"),
    json: flags.json
  },
  (input) =>
    lazyCommand(
      () => import("./run/status/status.ts"),
      (run) => run.status(input)
    )
).pipe(
  Command.withDescription("Who is on the network, and how they are; cursor keys move your name"),
  Command.withExamples([
    { command: "effect-inet status", description: "A live table; this host is in those of the others" },
    { command: "effect-inet status web1 --address 127.255.255.255", description: "On this machine only" },
    { command: "effect-inet status --once", description: "Who is there now" },
    { command: "effect-inet status --json", description: "What happens, one line each" },
    { command: "effect-inet status bob --dialect course --screen", description: "As in the course" },
    {
      command: "effect-inet status --transport mesh --address 192.0.2.1,192.0.2.2",
      description: "Across networks, where all are named"
    },
    { command: "effect-inet status --relay --host ::", description: "An agent for --transport relay --address HOST" }
  ])
)
