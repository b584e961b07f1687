import * as Argument from "effect/cli/Argument"
import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"

/** The types of `Dns.RecordType`, without loading its module. */
const recordTypes = ["A", "AAAA", "CAA", "CNAME", "MX", "NAPTR", "NS", "PTR", "SOA", "SRV", "TLSA", "TXT"] as const

export const command = lazyCommand({
  name: "resolve",
  description: "Resolve a host and a service to socket addresses, best first (getaddrinfo, RFC 6724)",
  examples: [
    ["effect-inet resolve localhost http", "All addresses and socket types"],
    ["effect-inet resolve ::1 22 --json", "An IP literal and a port number, as JSON"],
    ["effect-inet resolve - 69 --passive --type dgram", "The addresses a TFTP server binds"],
    ["effect-inet resolve --record MX example.org", "The mail servers of a domain, by DNS"],
    ["effect-inet resolve --reverse 127.0.0.1", "The names of an address: hosts file, then DNS"],
    ["effect-inet resolve --aton 0x7f.1 80", "An address in a form of inet_aton"]
  ],
  flags: {
    host: Argument.String("host").pipe(
      Argument.withDescription("Name or address; - for this host: loopback, or with --passive the wildcard address")
    ),
    service: flags.optionalArgument("service", "Port, or name of a service such as http"),
    family: flags.family("resolve"),
    type: flags.choice("resolve", "type", ["stream", "dgram"], "Only this type of socket (default both)"),
    passive: flags.toggle("resolve", "passive", "For a server: without a host, return the wildcard address"),
    canonical: flags.toggle("resolve", "canonical", "Show the canonical name too"),
    aton: flags.toggle(
      "resolve",
      "aton",
      "HOST is an IPv4 address in any form of inet_aton, such as 127.1, 0x7f.1 or 017700000001"
    ),
    reverse: flags.toggle(
      "resolve",
      "reverse",
      "HOST is an address: print its names, of the hosts file or else of DNS"
    ),
    record: flags.choice(
      "resolve",
      "record",
      recordTypes,
      "Print the DNS records of this type of the name HOST; PTR takes an address, too"
    ),
    server: flags.optionalText(
      "resolve",
      "server",
      "ADDRESS",
      "Name server for --record and --reverse, such as 192.0.2.53 or 127.0.0.1:5353"
    ),
    json: flags.json("resolve")
  },
  program: async () => (await import("./run/resolve/resolve.ts")).resolve
})
