import { words } from "../common/flagParsers.ts"
import * as flags from "../common/flags.ts"
import { lazyCommand } from "../common/lazyCommand.ts"
import { optional } from "../common/settings/settingFlag.ts"

/** Names of states, as in `SocketFilter`, without loading its module. A test compares them. */
export const stateNames = [
  "listen",
  "unconnected",
  "established",
  "syn-sent",
  "syn-recv",
  "close-wait",
  "fin-wait-1",
  "fin-wait-2",
  "last-ack",
  "closing",
  "time-wait",
  "listening",
  "estab",
  "unconn",
  "closed",
  "all",
  "connected",
  "synchronized",
  "bucket",
  "big"
] as const

const section = "sockets"

/** Parses names of states in any case: ss prints `LISTEN` and `TIME-WAIT`, and takes both cases. */
export const parseStates = (text: string) => words(stateNames)(text.toLowerCase())

const state = optional({
  name: "state",
  metavar: "STATE,...",
  description: "Only these states, with the names of ss, in any case: LISTEN, estab, TIME-WAIT",
  expected: `${stateNames.slice(0, -1).join(", ")} or ${stateNames.at(-1)}, or several separated by commas`,
  parse: parseStates,
  section
})

/** Largest process number of Linux. */
const maxPidNumber = 4_194_304

export const command = lazyCommand({
  name: "sockets",
  description: "Show the sockets of this host with their processes and services (ss, lsof -i); Linux only",
  examples: [
    ["effect-inet sockets --listening", "Who waits on which port"],
    ["effect-inet sockets --port http --state established,close-wait", "Connections from or to port 80"],
    ["effect-inet sockets --pid 1234 --tcp --watch", "The connections of a process, with changes marked"],
    [
      "effect-inet sockets --tcp --json | jq '.sockets[] | select(.sendQueue > 0)'",
      "Connections that wait for their peer"
    ],
    ["effect-inet sockets --unix --watch --json", "Print each change of unix sockets as one line of JSON"]
  ],
  flags: {
    listening: flags.toggle(section, "listening", "Only sockets that wait for peers"),
    tcp: flags.toggle(section, "tcp", "Only TCP sockets, and those of --udp and --unix if they are given"),
    udp: flags.toggle(section, "udp", "Only UDP sockets, and those of --tcp and --unix if they are given"),
    unix: flags.toggle(
      section,
      "unix",
      "Only unix sockets, and those of --tcp and --udp if they are given; without these flags only --pid lists them"
    ),
    port: flags.optionalText(
      section,
      "port",
      "PORT",
      "Only this port, of either end: a number, or a service such as http"
    ),
    pid: flags.integer(section, "pid", 1, maxPidNumber, "Only sockets that this process has open"),
    state,
    namespaces: flags.toggle(
      section,
      "namespaces",
      "Also sockets of other network namespaces, such as those of containers (default only with --pid)"
    ),
    watch: flags.toggle(section, "watch", "Look again and again, and mark what has changed; q quits"),
    interval: flags.positiveDuration(section, "interval", "With --watch: time between two looks (default 2s)"),
    json: flags.json(section)
  },
  program: async () => (await import("../run/sockets/sockets.ts")).sockets
})
