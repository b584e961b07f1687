import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"
import * as operationsFlags from "./common/operationsFlags.ts"

const transports = ["broadcast", "multicast", "mesh", "relay"] as const

/** Flags of a peer and of a relay. */
export const peerFlags = {
  transport: flags.choice("status", "transport", transports, "Transport of the packets (default broadcast)"),
  address: flags.optionalText(
    "status",
    "address",
    "ADDRESS,...",
    "Destinations: broadcast addresses, a multicast group, the peers of a mesh or the relay (default: all own networks)"
  ),
  host: flags.optionalHost(
    "status",
    "Address to bind, with --relay (default 127.0.0.1) or --transport mesh (default all)"
  ),
  port: flags.port("status", 2_066, "UDP port of status (default 2066); with --relay, 0 for any free port"),
  cluster: flags.optionalText(
    "status",
    "cluster",
    "NAME",
    "Name of the cluster: packets of other clusters are rejected (default none)"
  ),
  key: flags.optionalText(
    "status",
    "key",
    "KEY",
    "Key that all peers share; set it in STATUS_KEY to hide it from other users of this machine (default none)"
  ),
  interval: flags.duration(
    "status",
    "interval",
    "Longest time between two packets, which are sent after 0.9 to 1 of it, at random (default 1s)"
  ),
  dialect: flags.choice(
    "status",
    "dialect",
    ["effect-inet", "course"],
    "Packet format to send; the course's packets have 72 bytes (default effect-inet; both are received)"
  ),
  suspectAfter: flags.integer(
    "status",
    "suspect-after",
    1,
    1_000,
    "Missed packets until a peer is suspect (default 3)"
  ),
  downAfter: flags.integer("status", "down-after", 1, 1_000, "Missed packets until a peer is down (default 5)"),
  once: flags.toggle("status", "once", "Print a table of all peers and exit, without announcing this one"),
  settle: flags.duration("status", "settle", "With --once: time to listen before the table is printed (default 3s)"),
  listen: flags.toggle("status", "listen", "Listen without sending, so that no other peer sees this one"),
  screen: flags.toggle("status", "screen", "Draw a map of all names at their positions, as in the course"),
  relay: flags.toggle("status", "relay", "Run the relay that forwards packets between --transport relay peers"),
  ...operationsFlags.daemon("status")
}

export const command = lazyCommand({
  name: "status",
  description: "Show the peers on the network and their status; cursor keys move your name",
  examples: [
    ["effect-inet status", "Announce this host and show a live table of all peers"],
    ["effect-inet status web1 --address 127.255.255.255", "The same on this machine only"],
    ["effect-inet status --once", "Print the current peers"],
    ["effect-inet status --json", "Print each change as one line of JSON"],
    ["effect-inet status bob --dialect course --screen", "Send the course's packets and draw its map"],
    ["effect-inet status --transport mesh --address 192.0.2.1,192.0.2.2", "Across networks, with a list of all peers"],
    ["effect-inet status --relay --host ::", "A relay for --transport relay --address HOST"]
  ],
  flags: {
    name: flags.optionalArgument("name", "Name that others see (default: the name of this host)"),
    ...peerFlags,
    json: flags.json("status")
  },
  program: async () => (await import("./run/status/status.ts")).status
})
