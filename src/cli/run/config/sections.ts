/** The settings of a configuration file, collected from the flags of all commands: they are listed there only. */
import type * as Command from "effect/cli/Command"
import * as board from "../../board.ts"
import * as capture from "../../capture.ts"
import * as farm from "../../cluster/farm.ts"
import { globalFlags } from "../../common/flags.ts"
import { flagTables } from "../../common/lazyCommand.ts"
import { logLevelSetting } from "../../common/settings/globalSettings.ts"
import { type Setting, settingsOf } from "../../common/settings/settings.ts"
import { sharedFlags, upFlags } from "../../common/upFlags.ts"
import * as connect from "../../connect.ts"
import * as demo from "../../demo.ts"
import * as guess from "../../guess.ts"
import * as hangman from "../../hangman.ts"
import * as impair from "../../impair.ts"
import * as scan from "../../inspect/scan.ts"
import * as sockets from "../../inspect/sockets.ts"
import * as listen from "../../listen.ts"
import * as primes from "../../primes.ts"
import * as resolve from "../../resolve.ts"
import * as rot13 from "../../rot13.ts"
import * as servicesCommand from "../../services.ts"
import * as status from "../../status.ts"
import * as statusOf from "../../statusOf.ts"
import * as tftp from "../../tftp.ts"
import type { Sections } from "./schema.ts"

const commands: ReadonlyArray<Command.Command.Any> = [
  ...[rot13.command, hangman.command, guess.command, board.command, primes.command, tftp.command, tftp.rcat],
  farm.command,
  ...[status.command, statusOf.command, resolve.command, servicesCommand.command],
  ...[connect.command, listen.command, capture.command, impair.command, demo.command, scan.command, sockets.command]
]

const settings: ReadonlyArray<Setting> = [
  logLevelSetting,
  ...globalFlags.flatMap(({ flag }) => settingsOf({ flag })),
  ...commands.flatMap(flagTables).flatMap(settingsOf),
  ...settingsOf(upFlags),
  ...settingsOf(sharedFlags("up"))
]

/** Merges two settings of one name, of a server and its clients: the value is valid for one of them. */
const merge = (one: Setting, other: Setting): Setting => ({
  ...one,
  expected: one.expected === other.expected ? one.expected : `${one.expected}, or ${other.expected}`,
  accepts: (text) => one.accepts(text) || other.accepts(text)
})

const bySection = () => {
  const sections = new Map<string, Map<string, Setting>>()
  for (const setting of settings) {
    const { name, section } = setting
    const known = sections.get(section) ?? new Map<string, Setting>()
    const same = known.get(name)
    known.set(name, same === undefined ? setting : merge(same, setting))
    sections.set(section, known)
  }
  return Object.fromEntries([...sections].map(([section, known]) => [section, [...known.values()]]))
}

/** Settings of all sections, and of the services that `up` runs. */
export const all: Sections = {
  options: bySection(),
  services: {
    rot13: settingsOf(rot13.serveFlags),
    hangman: settingsOf(hangman.serveFlags),
    guess: settingsOf(guess.serveFlags),
    board: settingsOf(board.serveFlags),
    primes: settingsOf(primes.serveFlags),
    tftp: settingsOf(tftp.serveFlags),
    status: settingsOf(status.peerFlags)
  }
}
