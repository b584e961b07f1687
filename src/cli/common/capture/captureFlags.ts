/** Flags that limit a capture: those of `--capture` on every command, and those of `capture run`. */
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Effect from "effect/Effect"
import type { FileOptions } from "../../../capture/Capture.ts"
import { UsageError } from "../CliErrors.ts"
import * as parse from "../flagParsers.ts"
import * as CommandInput from "../settings/CommandInput.ts"
import { optional, textShape } from "../settings/settingFlag.ts"
import * as settings from "../settings/settings.ts"
import * as amounts from "./captureAmounts.ts"

/** Largest snap length: the longest packet that a link of any kind has in a capture file. */
const maxSnapLength = 262_144

/** Returns how a description begins: that of a global flag names the flag that it belongs to. */
const start = (section: string, text: string) =>
  section === settings.globalSection ? `With --capture: ${text.charAt(0).toLowerCase()}${text.slice(1)}` : text

const ring = (section: string, name: string) =>
  optional({
    section,
    name,
    metavar: "LIMITS",
    description: start(
      section,
      "Write several files, each up to size=10M, time=60s or packets=N; with files=N the newest N are kept. Their names have a number and a time"
    ),
    expected: "size=BYTES, time=TIME or packets=N, or several separated by commas, and files=N: files=5,size=10M",
    parse: amounts.ring
  })

const stop = (section: string, name: string) =>
  optional({
    section,
    name,
    metavar: "LIMITS",
    description: start(section, "End the capture at size=100M, time=5m or packets=N, whichever is first"),
    expected: "size=BYTES, time=TIME or packets=N, or several separated by commas: size=100M,time=5m",
    parse: amounts.stop
  })

const snapLength = (section: string, name: string) =>
  optional({
    section,
    name,
    metavar: "BYTES",
    description: start(section, "Keep only the first BYTES of each packet"),
    expected: `a number of bytes, 1 to ${maxSnapLength}`,
    parse: parse.integer(1, maxSnapLength)
  })

const filter = (section: string, name: string) =>
  optional(
    textShape(
      section,
      name,
      "FILTER",
      start(
        section,
        "Keep only packets that match a display filter, such as 'udp.port == 69'; see docs/reference/filters.md"
      )
    )
  )

/** Creates the flags of `capture run`. */
export const limits = (section: string) => ({
  ring: ring(section, "ring"),
  stop: stop(section, "stop"),
  snaplen: snapLength(section, "snaplen"),
  filter: filter(section, "filter")
})

/** Values of the flags of `limits`. */
export interface Limits {
  readonly ring: amounts.Ring | undefined
  readonly stop: amounts.Amounts | undefined
  readonly snaplen: number | undefined
  readonly filter: string | undefined
}

const Ring = GlobalFlag.Setting("capture-ring")({ flag: ring(settings.globalSection, "capture-ring") })
const Stop = GlobalFlag.Setting("capture-stop")({ flag: stop(settings.globalSection, "capture-stop") })
const Snaplen = GlobalFlag.Setting("capture-snaplen")({ flag: snapLength(settings.globalSection, "capture-snaplen") })
const Filter = GlobalFlag.Setting("capture-filter")({ flag: filter(settings.globalSection, "capture-filter") })

/** The flags beside `--capture` of every command. */
export const globalFlags = [Ring, Stop, Snaplen, Filter] as const

/** Returns the limits of `--capture`. */
export const given = Effect.gen(function* () {
  const values: Limits = { ring: yield* Ring, stop: yield* Stop, snaplen: yield* Snaplen, filter: yield* Filter }
  return values
})

/** Fails if a limit is on the command line without a capture. The environment may have it for other commands. */
export const checkUnused = Effect.gen(function* () {
  const { found } = yield* CommandInput.CommandInput
  for (const [key, value] of Object.entries(yield* given)) {
    const name = `capture-${key}`
    if (value === undefined || found.has(name)) continue
    return yield* new UsageError({ message: `--${name} needs --capture: name the file to write` })
  }
})

/** Compiles a filter. Its parser is loaded only then. */
const parseFilter = Effect.fnUntraced(function* (text: string, flag: string) {
  const { compile } = yield* Effect.promise(() => import("../../run/common/captureFilter.ts"))
  return yield* Effect.mapError(
    Effect.fromResult(compile(text)),
    ({ message }) => new UsageError({ message: `--${flag}: ${message}` })
  )
})

/** Loads the parser of filters, and converts the limits to options. Fails with one line for the user. */
export const optionsOf = Effect.fnUntraced(function* (
  { filter, ring, snaplen, stop }: Limits,
  filterFlag: string
): Effect.fn.Return<Pick<FileOptions, "filter" | "ring" | "snapLength" | "stop">, UsageError> {
  return {
    ring,
    stop,
    snapLength: snaplen,
    filter: filter === undefined ? undefined : yield* parseFilter(filter, filterFlag)
  }
})
