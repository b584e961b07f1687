/** The command `capture run`. */
import * as Argument from "effect/cli/Argument"
import * as captureFlags from "../common/capture/captureFlags.ts"
import * as flags from "../common/flags.ts"
import { lazyCommand } from "../common/lazyCommand.ts"

const section = "capture-run"

export const run = lazyCommand({
  name: "run",
  description:
    "Print the packets of an interface while they pass, by dumpcap, or those of a command of effect-inet, which needs no privileges",
  examples: [
    ["effect-inet capture run -i lo", "All packets of the loopback interface, until Ctrl-C"],
    ["effect-inet capture run -i eth0 --filter 'udp.port == 69' --write tftp.pcapng", "The packets of TFTP, to a file"],
    [
      "effect-inet capture run -i any --write ring.pcapng --ring files=5,size=10M",
      "The newest 50 MiB, in five files that replace each other"
    ],
    ["effect-inet capture run -- tftp get tftp://192.0.2.1/motd", "The packets of one command of effect-inet"]
  ],
  flags: {
    command: Argument.String("command").pipe(
      Argument.withDescription(
        "A command of effect-inet, after --, whose packets are printed; what it prints goes to standard error"
      ),
      Argument.variadic()
    ),
    interface: flags.optionalText(
      section,
      "interface",
      "NAME,...",
      "Interfaces to capture on, such as lo, eth0 or any (default lo)",
      "i"
    ),
    write: flags.optionalText(
      section,
      "write",
      "FILE",
      "Write a pcapng file instead: a path, a named pipe, or - for standard output",
      "w"
    ),
    ...captureFlags.limits(section),
    json: flags.json(section)
  },
  program: async () => (await import("../run/capture/run/captureRun.ts")).run
})
