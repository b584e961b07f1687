/** Events of changed files of a simulated disk, as `fs.watch` of Node reports them on Linux. */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as PlatformError from "effect/PlatformError"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type * as DiskCalls from "./DiskCalls.ts"
import type * as DiskInode from "./DiskInode.ts"
import * as DiskLookup from "./DiskLookup.ts"
import type * as DiskVolume from "./DiskVolume.ts"

/** Returns the path of an entry below the watched folder; undefined if it is elsewhere. */
const relativePath = (watched: DiskInode.Inode, folder: DiskInode.Inode, name: string, isRecursive: boolean) => {
  let path = name
  for (let at = folder; at !== watched; at = at.parent!) {
    if (!isRecursive || at.parent === at || at.parent === undefined) return undefined
    const parentEntry = [...at.parent.entries].find(([, inode]) => inode === at)
    if (parentEntry === undefined) return undefined
    path = `${parentEntry[0]}/${path}`
  }
  return path
}

/** Watches a file or a folder. */
export const watch = (
  { perform, volume }: DiskCalls.DiskCalls,
  path: string,
  options: FileSystem.WatchOptions = {}
): Stream.Stream<FileSystem.WatchEvent, PlatformError.PlatformError> => {
  const place = perform({
    ...{ method: "stat", syscall: "stat", path, operation: "other" },
    run: () => ({ ...DiskLookup.lookup(volume, path), found: DiskLookup.existing(volume, path) })
  })
  return Stream.callback<FileSystem.WatchEvent, PlatformError.PlatformError>((queue) =>
    Effect.gen(function* () {
      const { folder: parent, found, name: ownName } = yield* place
      const watcher: DiskVolume.Watcher = (folder, name, kind) => {
        const relative =
          found.type === "Directory"
            ? relativePath(found, folder, name, options.recursive ?? false)
            : folder === parent && name === ownName
              ? name
              : undefined
        if (relative !== undefined) Queue.offerUnsafe(queue, { _tag: kind, path: relative })
      }
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          volume.watchers.add(watcher)
        }),
        () =>
          Effect.sync(() => {
            volume.watchers.delete(watcher)
          })
      )
      options.onReady?.()
    })
  )
}
