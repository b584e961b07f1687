import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"

const read = Command.make(
  "read",
  {
    file: Argument.String("file").pipe(Argument.withDescription("A pcapng file, from this or any other program")),
    json: flags.json,
    diagram: Flag.Literals("diagram", ["text", "mermaid"]).pipe(
      Flag.withDescription("Print a sequence diagram instead of a list"),
      Flag.optional,
      Flag.map(Option.getOrUndefined)
    )
  },
  (input) =>
    lazyCommand(
      () => import("./run/capture.ts"),
      (run) => run.read(input)
    )
).pipe(
  Command.withDescription("Print the packets of a capture: time, addresses, protocol, payload length and content"),
  Command.withExamples([
    { command: "effect-inet capture read out.pcapng", description: "One line per packet" },
    {
      command: "effect-inet capture read out.pcapng --diagram text",
      description: "A sequence diagram: hosts side by side, time downwards"
    },
    { command: "effect-inet capture read out.pcapng --json", description: "One JSON value per packet" }
  ])
)

export const command = Command.make("capture").pipe(
  Command.withDescription("Read packet captures, such as the files written by --capture"),
  Command.withSubcommands([read])
)
