/** Arguments of a sweep. */
import * as Path from "node:path"
import { parseArgs } from "node:util"
import * as Result from "effect/Result"
import * as Runtime from "effect/Runtime"

export interface Arguments {
  readonly isPlanted: boolean
  /** Suites; empty for all. */
  readonly names: ReadonlyArray<string>
  /** Seeds of a check; undefined for an exploration. */
  readonly runs: number | undefined
  readonly minutes: number
  readonly corpus: string
  readonly seed: number | undefined
}

/** An argument is wrong: one line, exit code 2. */
export class UsageError extends Error {
  override readonly [Runtime.errorExitCode] = 2
}

const flags = {
  minutes: { type: "string" },
  corpus: { type: "string" },
  seed: { type: "string" },
  planted: { type: "boolean", default: false }
} as const

const defaultCorpus = Path.join(import.meta.dirname, "..", "..", "node_modules", ".cache", "sweep")

/** Minutes of an exploration that is asked for by `--planted` alone. */
const defaultMinutes = 10

const fail = (message: string) => {
  throw new UsageError(message)
}

const numberOf = (name: string, text: string | undefined, isValid: (n: number) => boolean, rule: string) => {
  if (text === undefined) return undefined
  const n = Number(text)
  return text.trim() !== "" && isValid(n) ? n : fail(`invalid ${name} ${JSON.stringify(text)}: must be ${rule}`)
}

const isCount = (n: number) => Number.isSafeInteger(n) && n >= 1

const parsed = (
  argv: ReadonlyArray<string>,
  ours: ReadonlyArray<string>,
  planted: ReadonlyArray<string>
): Arguments => {
  const { positionals, values } = parseArgs({ args: [...argv], options: flags, allowPositionals: true })
  const isExploring = values.minutes !== undefined || (values.planted && !isCount(Number(positionals[0])))
  const [runsText = "1000", ...rest] = isExploring ? ["1", ...positionals] : positionals
  const runs = numberOf("number of runs", runsText, isCount, "a whole number of at least 1")
  const isMinutes = (n: number) => n > 0 && n <= 10_000
  const minutes = numberOf("--minutes", values.minutes, isMinutes, "a number above 0, at most 10,000")
  const seed = numberOf("--seed", values.seed, (n) => isCount(n) && n <= 2 ** 30, "a whole number from 1 to 2^30")
  if (!isExploring && values.corpus !== undefined) fail("--corpus needs --minutes")
  if (!isExploring && seed !== undefined) fail("--seed needs --minutes; a check takes SIM_SEED")
  // The cluster of processes is not simulated.
  const known = values.planted ? planted : isExploring ? ours.filter((name) => name !== "cluster") : ours
  const unknown = rest.find((name) => !known.includes(name))
  if (unknown !== undefined) fail(`unknown suite ${JSON.stringify(unknown)}: must be one of ${known.join(", ")}`)
  return {
    ...{ isPlanted: values.planted, names: rest, seed, minutes: minutes ?? defaultMinutes },
    ...{ runs: isExploring ? undefined : runs, corpus: values.corpus ?? defaultCorpus }
  }
}

/** Parses the arguments; `ours` and `planted` are the names of the suites. */
export const parse = (
  argv: ReadonlyArray<string>,
  ours: ReadonlyArray<string>,
  planted: ReadonlyArray<string>
): Result.Result<Arguments, UsageError> =>
  Result.try({
    try: () => parsed(argv, ours, planted),
    catch: (error) => new UsageError(error instanceof Error ? error.message.split("\n")[0]! : `${error}`)
  })
