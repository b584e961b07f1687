import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"
import { transfer } from "./tftp.ts"

export const command = lazyCommand({
  name: "rcat",
  description: "Print a file of a TFTP server to standard output",
  examples: [
    ["effect-inet rcat 192.0.2.1 motd", "Print motd, from port 69"],
    ["effect-inet rcat localhost:6969 f | sha256sum", "Pipe the file to another program"]
  ],
  flags: {
    host: flags.argument("host", "HOST or HOST:PORT of the server (default port 69)"),
    file: flags.argument("file", "File name on the server"),
    ...transfer
  },
  program: async () => {
    const { rcat } = await import("./run/tftp/get.ts")
    return (input) => rcat({ ...input, json: false })
  }
})
