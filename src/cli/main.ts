/** The command tree of `effect-inet`. */
import * as Command from "effect/cli/Command"
import * as board from "./board.ts"
import * as capture from "./capture.ts"
import * as flags from "./common/flags.ts"
import * as demo from "./demo.ts"
import * as guess from "./guess.ts"
import * as hangman from "./hangman.ts"
import * as impair from "./impair.ts"
import * as primes from "./primes.ts"
import * as rcat from "./rcat.ts"
import * as resolve from "./resolve.ts"
import * as rot13 from "./rot13.ts"
import * as services from "./services.ts"
import * as status from "./status.ts"
import * as tftp from "./tftp.ts"
import * as up from "./up.ts"

export const command = Command.make("effect-inet").pipe(
  Command.withDescription("Classic Unix network services, written as Effect programs"),
  Command.withSubcommands([
    up.command,
    rot13.command,
    tftp.command,
    rcat.command,
    hangman.command,
    guess.command,
    board.command,
    primes.command,
    status.command,
    resolve.command,
    services.command,
    demo.command,
    capture.command,
    impair.command
  ]),
  Command.withGlobalFlags(flags.globalFlags)
)
