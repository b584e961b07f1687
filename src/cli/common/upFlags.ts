/** Flags of `up`: options of all instances, ports, and the supervision. */
import * as Flag from "effect/cli/Flag"
import * as flags from "./flags.ts"
import * as operationsFlags from "./operationsFlags.ts"
import * as serverFlags from "./serverFlags.ts"

/** Options of all instances. A flag wins over the options of an instance, which win over all others. */
export const sharedFlags = (section: string | undefined) => ({
  host: flags.optionalHost(section),
  ...serverFlags.limits(section)
})

/** Flags that only the command line has: ports of the services that run without a configuration file. */
const portFlag = (service: string, defaultPort: number) =>
  flags.integer(
    undefined,
    `${service}-port`,
    0,
    65_535,
    `Port of ${service}, 0 for any free port (default ${defaultPort})`
  )

/** Flags of the supervision. */
const restartFlags = {
  restartDelay: flags.duration(
    "up",
    "restart-delay",
    "Time before a service that failed starts again; doubled with each failure (default 500ms)"
  ),
  maxRestartDelay: flags.duration("up", "max-restart-delay", "Longest time before a restart (default 30s)"),
  maxRestarts: flags.integer(
    "up",
    "max-restarts",
    0,
    1_000_000,
    "Restarts of a service that fails again and again, within 10s each (default: no limit)"
  )
}

/** Flags of `up`. */
export const upFlags = {
  ...sharedFlags(undefined),
  rot13Port: portFlag("rot13", 1067),
  hangmanPort: portFlag("hangman", 1066),
  guessPort: portFlag("guess", 1500),
  boardPort: portFlag("board", 1069),
  primesPort: portFlag("primes", 1070),
  tftpPort: portFlag("tftp", 6969),
  statusPort: flags.integer(undefined, "status-port", 0, 65_535, "Port of status, 0 disables it (default 2066)"),
  tftpRoot: flags.optionalText(
    "up",
    "tftp-root",
    "DIR",
    "Folder that TFTP serves, read-only (default: a folder with the file hello.txt)"
  ),
  ...restartFlags,
  ...operationsFlags.daemon("up", "127.0.0.1:8066"),
  check: Flag.Boolean("check").pipe(
    Flag.withDescription("Print the services that would run with their options, and exit: 2 for an invalid file"),
    Flag.withDefault(false)
  ),
  json: flags.json("up")
}
