import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"

export const command = lazyCommand({
  name: "up",
  description: "Run all services on their default ports in one process, until interrupted",
  examples: [
    ["effect-inet up", "All services, for clients on this machine"],
    ["effect-inet up --rot13-port 0", "rot13 on a free port"],
    ["effect-inet up --tftp-root .", "TFTP serves the current folder, read-only"]
  ],
  flags: {
    host: flags.host("up"),
    rot13Port: flags.port("rot13", 1067, "rot13-port"),
    hangmanPort: flags.port("hangman", 1066, "hangman-port"),
    guessPort: flags.port("guess", 1500, "guess-port"),
    boardPort: flags.port("board", 1069, "board-port"),
    primesPort: flags.port("primes", 1070, "primes-port"),
    tftpPort: flags.port("tftp", 6_969, "tftp-port"),
    tftpRoot: flags.optionalText(
      "up",
      "tftp-root",
      "DIR",
      "Folder that TFTP serves, read-only (default: a folder with the file hello.txt)"
    ),
    statusPort: flags.optionalPort("status", 2_066, "status-port"),
    ...flags.limits("up"),
    json: flags.json
  },
  program: async () => (await import("./run/up.ts")).up
})
