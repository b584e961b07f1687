import * as Argument from "effect/cli/Argument"
import * as flags from "../common/flags.ts"
import { lazyCommand } from "../common/lazyCommand.ts"

const section = "scan"

export const command = lazyCommand({
  name: "scan",
  description: "Scan the ports of hosts: open, closed or filtered, and which services they have (nmap)",
  examples: [
    ["effect-inet scan localhost", "The ports 1 to 1024, and those of the services of this package"],
    ["effect-inet scan 127.0.0.1 --ports 22,http,8000-8100 --open", "Some ports; only the open ones are printed"],
    ["effect-inet scan ::1 --udp --ports top100", "The hundred most frequent ports, over UDP"],
    ["effect-inet scan 127.0.0.1 --ports - --no-identify", "All ports, without a look at their services"],
    ["effect-inet scan 10.0.0.0/28 --remote --rate 100", "Hosts of a network that you may scan, 100 tests a second"],
    ["effect-inet scan localhost --greppable", "The lines that nmap -oG - prints"]
  ],
  flags: {
    hosts: Argument.String("host").pipe(
      Argument.withDescription("Names, addresses or networks such as 10.0.0.0/28"),
      Argument.variadic({ min: 1 })
    ),
    ports: flags.optionalText(
      section,
      "ports",
      "PORTS",
      "Ports, ranges and service names, separated by commas; top100; - for all (default 1-1024 and the services of this package)"
    ),
    udp: flags.toggle(section, "udp", "Scan UDP ports instead of TCP ports"),
    open: flags.toggle(section, "open", "Print only open ports"),
    noIdentify: flags.toggle(section, "no-identify", "Do not ask the open ports which services they have"),
    remote: flags.toggle(
      section,
      "remote",
      "Also scan hosts other than this one; do so only where their owner has agreed"
    ),
    family: flags.family(section),
    timeout: flags.positiveDuration(section, "timeout", "The longest time to wait for an answer (default 2s)"),
    concurrency: flags.integer(
      section,
      "concurrency",
      1,
      65_535,
      "Tests at a time, at most (default: what the limit of open files allows)"
    ),
    rate: flags.positiveInteger(section, "rate", "Tests a second, at most (default: as many as are answered)"),
    retries: flags.integer(section, "retries", 0, 100, "Tests of one port after the first one, at most (default 10)"),
    json: flags.json(section),
    greppable: flags.toggle(section, "greppable", "Print one line per host in nmap's greppable format")
  },
  program: async () => (await import("../run/scan/scan.ts")).scan
})
