/** The listing of a folder as a text file, for clients that ask for names: TFTP cannot list a folder. */
import { constants } from "node:fs"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import * as NameText from "../protocol/NameText.ts"
import * as Packet from "../protocol/Packet.ts"
import * as FileName from "./FileName.ts"
import type { AccessDenied } from "./FileStoreError.ts"
import { fromBytes } from "./MemoryStore.ts"
import * as NodeFileCalls from "./NodeFileCalls.ts"
import type { Readable } from "./Store.ts"

/** The most entries of a folder that a listing has. */
const maxEntries = 10_000

/** The most entries that are looked up at the same time. */
const maxLookups = 16

/** The longest name that fits into a request of mode octet without options. */
const maxNameBytes = Packet.maxRequestBytes - "..".length - "\0octet\0".length

/** An entry of a listing. */
interface Entry {
  /** The name, with a slash after that of a folder. */
  readonly name: string
  /** The size in bytes; undefined for a folder. */
  readonly size: number | undefined
  readonly modified: Date
}

/** Returns true if a request can name the entry of a folder. */
const canBeRequested = (folder: ReadonlyArray<string>, entry: string): boolean => {
  const parts = [...folder, entry]
  const name = parts.join("/")
  const parsed = FileName.parse(name)
  return (
    parsed._tag === "Success" &&
    parsed.success.length === parts.length &&
    parsed.success.join("/") === name &&
    NameText.toBytes(name).length <= maxNameBytes
  )
}

/** Returns a line for each entry: the time of the last change in UTC, the size, and the name. */
const format = (entries: ReadonlyArray<Entry>, omitted: number): string => {
  const sizes = entries.map(({ size = "-" }) => `${size}`)
  const width = Math.max(0, ...sizes.map(({ length }) => length))
  const timeOf = (modified: Date) =>
    Number.isNaN(modified.getTime()) ? "-".padEnd(20) : modified.toISOString().replace(/\.\d+Z$/, "Z")
  const lines = entries.map(
    ({ modified, name }, index) => `${timeOf(modified)} ${sizes[index]!.padStart(width)} ${name}\n`
  )
  return lines.join("") + (omitted === 0 ? "" : `... ${omitted} more\n`)
}

/**
 * Makes the listing of a folder, in order of names. Unfinished uploads, and entries that cannot be requested, are left
 * out.
 *
 * @param path the real path of the folder
 * @param folder the folders below the root that name it in a request
 * @param confined fails for the real path of a link's target that must not be read
 */
export const make = Effect.fnUntraced(function* (
  path: string,
  folder: ReadonlyArray<string>,
  confined: (path: string) => Effect.Effect<string, AccessDenied>
): Effect.fn.Return<Readable, NodeJS.ErrnoException> {
  const find = Effect.fnUntraced(function* (name: string) {
    const entry = Path.join(path, name)
    const own = yield* NodeFileCalls.lstat(entry)
    const target = own.isSymbolicLink() ? yield* Effect.flatMap(NodeFileCalls.realpath(entry), confined) : entry
    const stats = own.isSymbolicLink() ? yield* NodeFileCalls.lstat(target) : own
    const isFolder = stats.isDirectory()
    if (!isFolder && !stats.isFile()) return undefined
    yield* NodeFileCalls.access(target, isFolder ? constants.X_OK : constants.R_OK)
    const found: Entry = {
      name: isFolder ? `${name}/` : name,
      size: isFolder ? undefined : stats.size,
      modified: stats.mtime
    }
    return found
  })
  const names = (yield* NodeFileCalls.readdir(path)).filter((name) => canBeRequested(folder, name)).sort()
  const entries = yield* Effect.forEach(
    names.slice(0, maxEntries),
    (name) => Effect.orElseSucceed(find(name), () => undefined),
    { concurrency: maxLookups }
  )
  const text = format(
    entries.filter((entry) => entry !== undefined),
    Math.max(0, names.length - maxEntries)
  )
  return fromBytes(NameText.toBytes(text))
})
