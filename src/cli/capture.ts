import { commandGroup } from "./common/commandGroup.ts"
import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"

/** Section of the configuration file: its key `capture` is the file of the flag --capture. */
const section = "capture-read"

const read = lazyCommand({
  name: "read",
  description: "Print the packets of a capture: time, addresses, protocol, payload length and content",
  examples: [
    ["effect-inet capture read out.pcapng", "One line per packet"],
    ["effect-inet capture read out.pcapng --diagram text", "A sequence diagram: hosts side by side, time downwards"],
    ["effect-inet capture read out.pcapng --json", "One JSON value per packet"]
  ],
  flags: {
    file: flags.argument("file", "A pcapng file, from this or any other program"),
    json: flags.json(section),
    diagram: flags.choice(section, "diagram", ["text", "mermaid"], "Print a sequence diagram instead of a list")
  },
  program: async () => (await import("./run/capture.ts")).read
})

export const command = commandGroup("capture", "Read packet captures, such as the files written by --capture", [read])
