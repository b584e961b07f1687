import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { lazyCommand } from "./common/lazyCommand.ts"
import { transfer } from "./tftp.ts"

export const command = Command.make(
  "rcat",
  {
    host: Argument.String("host").pipe(Argument.withDescription("HOST or HOST:PORT of the server (default port 69)")),
    file: Argument.String("file").pipe(Argument.withDescription("File name on the server")),
    ...transfer
  },
  (input) =>
    lazyCommand(
      () => import("./run/tftp/get.ts"),
      (run) => run.rcat({ ...input, json: false })
    )
).pipe(
  Command.withDescription("Print a file of a TFTP server to standard output"),
  Command.withExamples([
    { command: "effect-inet rcat 192.0.2.1 motd", description: "Print motd, from port 69" },
    { command: "effect-inet rcat localhost:6969 f | sha256sum", description: "Pipe the file to another program" }
  ])
)
