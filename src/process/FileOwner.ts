/**
 * Files that processes own: their names contain the owner, so that those of killed processes are found and deleted.
 *
 * Process ids are reused, the triple of host, id and start time is not.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as FilePlatform from "./FilePlatform.ts"

/** Age at which a file of another host counts as that of a dead process, in milliseconds. */
export const defaultForeignTimeoutMillis = 10 * 60_000

/** The part of a file name after the prefix: the owner, which may be between a tag and random digits. */
const ownerPattern = /^(?:\w+\.)?([0-9a-f]{8}-\d+-\w+)(?:\.[0-9a-f]{8})?$/

/** Returns the process id of an owner. */
export const pidOf = (owner: string): number => Number(owner.split("-")[1])

/** Options of `sweep`. */
export interface SweepOptions {
  /** A process on another host cannot be checked: it counts as dead once its file is older. Default 10 minutes. */
  readonly foreignTimeoutMillis?: number | undefined
  /** True to delete only files of the user of this process. Default: all that it may. */
  readonly isOwnOnly?: boolean | undefined
}

/**
 * Returns the test for living owners of one sweep. It looks once for each owner, and never for this process. A process
 * on another host is known by its files: one that is old says nothing about the others.
 */
const livenessTest = ({ isAlive, owner: self }: FilePlatform.FilePlatform, foreignTimeoutMillis: number) => {
  const own = self()
  const isForeign = (owner: string) => !owner.startsWith(own.slice(0, own.indexOf("-") + 1))
  const known = new Map([[own, true]])
  return (owner: string, path: string): boolean => {
    const result = known.get(owner) ?? isAlive(owner, path, foreignTimeoutMillis)
    if (result || !isForeign(owner)) known.set(owner, result)
    return result
  }
}

/** Deletes the files of dead owners whose names begin with a prefix, and returns the names and owners of the others. */
export const sweep = Effect.fnUntraced(function* (
  platform: FilePlatform.FilePlatform,
  folder: string,
  prefix: string,
  { foreignTimeoutMillis = defaultForeignTimeoutMillis, isOwnOnly = false }: SweepOptions = {}
) {
  const { fileSystem, path: paths, user } = platform
  const isOfThisUser = (path: string) =>
    Effect.match(fileSystem.lstat(path), {
      onSuccess: ({ uid }) => Option.getOrUndefined(uid) === user,
      onFailure: () => false
    })
  const lives = livenessTest(platform, foreignTimeoutMillis)
  const running: Array<{ readonly name: string; readonly owner: string }> = []
  for (const name of yield* fileSystem.readDirectory(folder)) {
    const owner = name.startsWith(prefix) ? ownerPattern.exec(name.slice(prefix.length))?.[1] : undefined
    if (owner === undefined) continue
    const path = paths.join(folder, name)
    if (lives(owner, path)) running.push({ name, owner })
    else if (!isOwnOnly || (yield* isOfThisUser(path))) yield* Effect.ignore(fileSystem.remove(path))
  }
  return running
})
