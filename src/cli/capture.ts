import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"

const read = Command.make(
  "read",
  {
    file: Argument.String("file").pipe(Argument.withDescription("A pcapng file, ours or anybody's")),
    json: flags.json,
    diagram: Flag.Literals("diagram", ["text", "mermaid"]).pipe(
      Flag.withDescription("Draw who sent what to whom, instead of a list"),
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
  Command.withDescription("Print the packets of a capture: time, addresses, protocol, payload bytes, what they say"),
  Command.withExamples([
    { command: "effect-inet capture read out.pcapng", description: "A line for each packet" },
    {
      command: "effect-inet capture read out.pcapng --diagram text",
      description: "Hosts side by side, time downwards"
    },
    { command: "effect-inet capture read out.pcapng --json", description: "For other programs" }
  ])
)

export const command = Command.make("capture").pipe(
  Command.withDescription("Packet captures: what --capture has written"),
  Command.withSubcommands([read])
)
