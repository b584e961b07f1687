/**
 * Folder of a corpus: a folder for each suite, with a file for each run.
 *
 * A file is written under another name and then renamed, so that it is whole whenever the process is killed.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Entry } from "../../src/simulation/explore/Corpus.ts"
import * as FaultPlanSyntax from "../../src/simulation/faults/FaultPlanSyntax.ts"
import * as FaultRandom from "../../src/simulation/faults/FaultRandom.ts"

const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 53 - 1 }))
const Stored = Schema.Struct({ seed: Seed, inputSeed: Seed, plan: Schema.String })
const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Stored))

/** Prefix of files that are being written. */
const temporaryPrefix = ".writing-"

const folderOf = (folder: string, suite: string) => Path.join(folder, suite.replaceAll(/[^\w-]+/g, "-"))

const textOf = ({ inputSeed, plan, seed }: Entry) => `${JSON.stringify({ seed, inputSeed, plan })}\n`

const pathOf = (folder: string, suite: string, entry: Entry) => {
  const text = textOf(entry)
  const hex = [text, `${text}.`].map((one) => FaultRandom.hash(one).toString(16).padStart(8, "0")).join("")
  return Path.join(folderOf(folder, suite), `${hex}.json`)
}

/** Reads the runs of a suite, in the order of their names; `unreadable` is the number of files that are not runs. */
export const read = (folder: string, suite: string) => {
  const path = folderOf(folder, suite)
  if (!Fs.existsSync(path)) return { entries: [], unreadable: 0 }
  const names = Fs.readdirSync(path).sort()
  for (const name of names) if (name.startsWith(temporaryPrefix)) Fs.rmSync(Path.join(path, name), { force: true })
  const files = names.filter((name) => name.endsWith(".json") && !name.startsWith(temporaryPrefix))
  const entries = files.flatMap((name) => {
    const entry = Option.getOrUndefined(decode(Fs.readFileSync(Path.join(path, name), "utf8")))
    return entry !== undefined && Result.isSuccess(FaultPlanSyntax.parse(entry.plan)) ? [entry] : []
  })
  return { entries, unreadable: files.length - entries.length }
}

/** Writes a run. */
export const write = (folder: string, suite: string, entry: Entry): void => {
  const path = pathOf(folder, suite, entry)
  const temporary = Path.join(Path.dirname(path), `${temporaryPrefix}${process.pid}-${Path.basename(path)}`)
  Fs.mkdirSync(Path.dirname(path), { recursive: true })
  Fs.writeFileSync(temporary, textOf(entry))
  Fs.renameSync(temporary, path)
}

/** Removes a run. */
export const remove = (folder: string, suite: string, entry: Entry): void =>
  Fs.rmSync(pathOf(folder, suite, entry), { force: true })
