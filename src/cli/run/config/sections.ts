/** The settings of a configuration file, collected from the flags of the servers: they are listed there only. */
import * as board from "../../board.ts"
import { globalSettings } from "../../common/settings/globalSettings.ts"
import { globalSection, settingsOf } from "../../common/settings/settings.ts"
import { sharedFlags, upFlags } from "../../common/upFlags.ts"
import * as guess from "../../guess.ts"
import * as hangman from "../../hangman.ts"
import * as primes from "../../primes.ts"
import * as rot13 from "../../rot13.ts"
import * as status from "../../status.ts"
import * as tftp from "../../tftp.ts"
import type { Sections } from "./schema.ts"

/** Settings of all sections. */
export const all: Sections = {
  [globalSection]: globalSettings,
  rot13: settingsOf(rot13.serveFlags),
  hangman: settingsOf(hangman.serveFlags),
  guess: settingsOf(guess.serveFlags),
  board: settingsOf(board.serveFlags),
  primes: settingsOf(primes.serveFlags),
  tftp: settingsOf(tftp.serveFlags),
  status: settingsOf(status.peerFlags),
  up: [...settingsOf(sharedFlags("up")), ...settingsOf(upFlags)]
}
