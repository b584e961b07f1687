import { run } from "./capture/run.ts"
import { commandGroup } from "./common/commandGroup.ts"
import * as parse from "./common/flagParsers.ts"
import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"
import { optional } from "./common/settings/settingFlag.ts"

/** Section of the configuration file: its key `capture` is the file of the flag --capture. */
const section = "capture-read"

const parseStream = parse.integer(0, 0xffff_ffff)

const parseFollow = (text: string) => {
  const [, protocol = "tcp", digits = ""] = /^(?:(tcp|udp):)?(\d+)$/.exec(text) ?? []
  const stream = parseStream(digits)
  return stream === undefined
    ? undefined
    : { protocol: protocol === "udp" ? ("UDP" as const) : ("TCP" as const), stream }
}

const follow = optional({
  section,
  name: "follow",
  metavar: "N",
  description: "Print the content of the TCP stream N, both directions, or of udp:N; --statistics lists the streams",
  expected: "the number of a TCP stream, such as 0, or of a UDP stream, such as udp:0",
  parse: parseFollow
})

const decodeAs = optional({
  section,
  name: "decode-as",
  metavar: "PORT=PROTOCOL,...",
  description: "Protocols of ports, such as 6969=tftp or tcp/8081=http",
  expected: "a port and a protocol, such as 6969=tftp, or several separated by commas",
  parse: (text) => (/^[^,=]+=[^,=]+(,[^,=]+=[^,=]+)*$/.test(text) ? text.split(",") : undefined)
})

const read = lazyCommand({
  name: "read",
  description:
    "Print the packets of a capture, with notes on lost and repeated segments; or its statistics, a stream, a plot, a diagram, a page",
  examples: [
    ["effect-inet capture read out.pcapng", "One line per packet"],
    [
      "effect-inet capture read out.pcapng --filter 'tcp.port == 80 and not ip.addr == 10.0.0.1'",
      "Some of the packets"
    ],
    [
      "effect-inet capture read out.pcapng --statistics",
      "Conversations, round-trip times, and a plot of the throughput"
    ],
    ["effect-inet capture read out.pcapng --follow 0", "What the two ends of the first TCP connection said"],
    ["effect-inet capture read out.pcapng --diagram text", "A sequence diagram: hosts side by side, time downwards"],
    ["effect-inet capture read out.pcapng --html out.html", "A page with all of it, for a browser"],
    ["tcpdump -i lo -U -w - | effect-inet capture read -", "The packets of an interface as they come"]
  ],
  flags: {
    file: flags.argument("file", "A capture file of any program, or - for standard input"),
    json: flags.json(section),
    filter: flags.optionalText(
      section,
      "filter",
      "FILTER",
      "Show only packets that match a display filter, such as 'udp.port == 69'; see docs/reference/filters.md"
    ),
    decodeAs,
    count: flags.positiveInteger(section, "count", "End after N packets"),
    follow,
    followRaw: flags.choice(
      section,
      "follow-raw",
      ["client", "server"],
      "With --follow: write the bytes that one end sent, and nothing else"
    ),
    statistics: flags.toggle(
      section,
      "statistics",
      "Print conversations, protocols, retransmissions, round-trip times, and a plot of the throughput"
    ),
    top: flags.positiveInteger(
      section,
      "top",
      "With --statistics: print the N conversations with the most bytes (default 20)"
    ),
    notes: flags.toggle(
      section,
      "notes",
      "Print only the notes on TCP segments: retransmissions, reordering, duplicate ACKs, full windows, resets"
    ),
    diagram: flags.choice(section, "diagram", ["text", "mermaid"], "Print a sequence diagram instead of a list"),
    svg: flags.optionalText(
      section,
      "svg",
      "FILE",
      "Write a plot of the throughput over time, as SVG; - is standard output"
    ),
    html: flags.optionalText(
      section,
      "html",
      "FILE",
      "Write a page with the statistics, the notes, a plot and a diagram, which needs no network; - is standard output"
    ),
    width: flags.integer(
      section,
      "width",
      60,
      400,
      "Width of tables, plots and diagrams in columns (default that of the terminal)"
    )
  },
  program: async () => (await import("./run/capture/read/read.ts")).read
})

export const command = commandGroup(
  "capture",
  "Capture packets, and read packet captures, such as the files written by --capture",
  [read, run]
)
