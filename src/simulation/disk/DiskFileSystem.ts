/** Effect's `FileSystem` over a simulated disk, with the results and errors of `NodeFileSystem`. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as PlatformError from "effect/PlatformError"
import type * as DiskCalls from "./DiskCalls.ts"
import * as DiskCopy from "./DiskCopy.ts"
import * as DiskErrno from "./DiskErrno.ts"
import * as DiskFile from "./DiskFile.ts"
import type * as DiskInode from "./DiskInode.ts"
import * as DiskLookup from "./DiskLookup.ts"
import * as DiskNames from "./DiskNames.ts"
import * as DiskPages from "./DiskPages.ts"
import type * as DiskVolume from "./DiskVolume.ts"
import * as DiskWatch from "./DiskWatch.ts"

type Failing<A> = Effect.Effect<A, PlatformError.PlatformError>

/** Bytes that Node's `writeFile` writes at once. */
const writeChunkBytes = 512 * 1_024

const temporaryFolder = "/tmp"
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
const randomChars = 6

const randomText = (random: () => number, alphabet: string, chars: number) =>
  Array.from({ length: chars }, () => alphabet[Math.floor(random() * alphabet.length)]).join("")

/** Joins a folder and a name, as `path.join` does with a folder without dots. */
const join = (folder: string, name: string): string => (folder.endsWith("/") ? folder + name : `${folder}/${name}`)

/** Orders names by a hash, as ext4 does: programs must not depend on the order. */
const entriesOf = (folder: DiskInode.Inode): ReadonlyArray<readonly [string, DiskInode.Inode]> => {
  const hash = (name: string) => {
    let state = 0x811c9dc5
    for (let i = 0; i < name.length; i++) state = Math.imul(state ^ name.charCodeAt(i), 0x01000193)
    return state >>> 0
  }
  const byHash = [...folder.entries].map(([name, inode]) => [hash(name), name, inode] as const)
  byHash.sort(([one, oneName], [other, otherName]) => one - other || (oneName < otherName ? -1 : 1))
  return byHash.map(([, name, inode]) => [name, inode])
}

/** Returns the entries of a folder in the cache. */
const listNow = (volume: DiskVolume.DiskVolume, path: string) => {
  const inode = DiskLookup.existing(volume, path)
  if (inode.type !== "Directory") return DiskErrno.fail("ENOTDIR")
  DiskLookup.checkPermission(volume, inode, 4)
  return entriesOf(inode)
}

/** Calls with the names of their method and of their system call. */
const makeCalls = ({ perform, volume }: DiskCalls.DiskCalls) => ({
  /** Makes a call that looks at the cache. */
  look: <A>(method: string, syscall: string, path: string, run: () => A) =>
    perform({ method, syscall, path, operation: "other", run }),
  /** Makes a call that changes folders or attributes. */
  change: (
    change: "create" | "modify",
    [method, syscall, path]: readonly [method: string, syscall: string, path: string],
    run: () => void
  ): Failing<void> => perform({ method, syscall, path, operation: "other", change, run }),
  /** Makes a call that changes attributes of an inode. */
  attribute: (
    [method, syscall, path]: readonly [method: string, syscall: string, path: string],
    attributes: () => Partial<DiskInode.Attributes>
  ): Failing<void> =>
    perform({
      ...{ method, syscall, path, operation: "other", change: "modify" },
      run: () => {
        const inode = DiskLookup.existing(volume, path)
        DiskNames.setAttributes(volume, inode, attributes(), syscall, path)
        DiskFile.notifyUpdate(volume, inode)
      }
    })
})

/** Makes the methods that open, read and write files. */
const makeContent = (calls: DiskCalls.DiskCalls) => {
  const { hasCrashed, perform, volume } = calls
  const opened = (method: string, path: string, options: DiskFile.OpenOptions = {}) =>
    Effect.acquireRelease(
      perform({
        ...{ method, syscall: "open", path, operation: "other" },
        change: DiskFile.modeOf(options.flag ?? "r").creates ? "create" : undefined,
        run: () => DiskFile.openNow(volume, path, options)
      }),
      (open) =>
        Effect.sync(() => {
          if (!hasCrashed()) DiskFile.closeNow(volume, open)
        })
    )
  const readFile = (path: string): Failing<Uint8Array> =>
    Effect.scoped(
      Effect.flatMap(opened("readFile", path), ({ inode }) =>
        perform({
          ...{ method: "readFile", syscall: "read", path, operation: "read" },
          bytes: (bytes: Uint8Array) => bytes.length,
          run: () => (inode.type === "Directory" ? DiskErrno.fail("EISDIR") : DiskPages.toBytes(inode.content))
        })
      )
    )
  const writeFile: FileSystem.FileSystem["writeFile"] = Effect.fnUntraced(function* (path, data, options) {
    const { inode, mode } = yield* opened("writeFile", path, { flag: "w", ...options })
    for (let done = 0; done < data.length; ) {
      const chunk = data.subarray(done, done + writeChunkBytes)
      const position = done
      done += yield* perform({
        ...{ method: "writeFile", syscall: "write", path, operation: "write", change: "modify" },
        bytes: (count: number) => count,
        run: (fault) =>
          mode.writes
            ? DiskFile.writeNow(volume, inode, mode.appends ? inode.content.size : position, chunk, fault)
            : DiskErrno.fail("EBADF")
      })
    }
  }, Effect.scoped)
  const open: FileSystem.FileSystem["open"] = (path, options) =>
    Effect.map(opened("open", path, options), (file) => DiskFile.make(calls, file, path))
  return { open, readFile, writeFile }
}

/** Makes the methods that list and remove folders. */
const makeFolders = (calls: DiskCalls.DiskCalls) => {
  const { volume } = calls
  const { change, look } = makeCalls(calls)
  const list = (method: string, path: string) => look(method, "scandir", path, () => listNow(volume, path))
  /** Returns true for a symbolic link to a folder, which a recursive list of Node follows. */
  const leadsToFolder = (path: string, type: DiskInode.Type) =>
    type !== "SymbolicLink"
      ? Effect.succeed(false)
      : Effect.match(
          look("readDirectory", "stat", path, () => DiskLookup.existing(volume, path).type),
          { onSuccess: (found) => found === "Directory", onFailure: () => false }
        )
  const readDirectory = (path: string, options?: { readonly recursive?: boolean | undefined }) => {
    const listBelow = (folder: string, prefix: string): Failing<Array<string>> =>
      Effect.gen(function* () {
        const names: Array<string> = []
        for (const [name, { type }] of yield* list("readDirectory", folder)) {
          names.push(prefix + name)
          if (
            options?.recursive === true &&
            (type === "Directory" || (yield* leadsToFolder(join(folder, name), type)))
          ) {
            names.push(...(yield* listBelow(join(folder, name), `${prefix}${name}/`)))
          }
        }
        return names
      })
    return listBelow(path, "")
  }
  const removeAs = (
    method: string,
    path: string,
    {
      force = false,
      recursive = false
    }: { readonly force?: boolean | undefined; readonly recursive?: boolean | undefined } = {}
  ): Failing<void> => {
    const removeTree = (target: string, type: DiskInode.Type): Failing<void> =>
      type !== "Directory"
        ? change("modify", [method, "unlink", target], () => DiskNames.unlink(volume, target))
        : Effect.gen(function* () {
            for (const [name, inode] of yield* list(method, target)) yield* removeTree(join(target, name), inode.type)
            yield* change("modify", [method, "rmdir", target], () => DiskNames.removeFolder(volume, target))
          })
    const removal = Effect.flatMap(
      look(method, "lstat", path, () => DiskLookup.existing(volume, path, false).type),
      (type) =>
        type === "Directory" && !recursive
          ? Effect.fail(DiskErrno.platformError({ method, syscall: "rm", path }, "ERR_FS_EISDIR"))
          : removeTree(path, type)
    )
    return force
      ? Effect.catchIf(
          removal,
          ({ reason }) => reason._tag === "NotFound",
          () => Effect.void
        )
      : removal
  }
  const makeDirectory: FileSystem.FileSystem["makeDirectory"] = Effect.fnUntraced(function* (path, options) {
    const call = { method: "makeDirectory", syscall: "mkdir", path, operation: "other", change: "create" } as const
    if (options?.recursive !== true) {
      return yield* calls.perform({ ...call, run: () => DiskNames.makeFolder(volume, path, options?.mode) })
    }
    // As Node does it: from the end of the path to the first folder that exists, and back.
    const missing = [path]
    for (let next = missing.pop(); next !== undefined; next = missing.pop()) {
      const folder = next
      const isMade = yield* calls.perform({
        ...call,
        run: () => DiskNames.makeFolderUnlessThere(volume, folder, missing.length > 0, options.mode)
      })
      if (!isMade) missing.push(folder, folder.slice(0, Math.max(0, folder.lastIndexOf("/"))))
    }
  })
  return { list, readDirectory, removeAs, makeDirectory }
}

type Remove = ReturnType<typeof makeFolders>["removeAs"]

/** Makes the methods for temporary files and folders. */
const makeTemporary = (calls: DiskCalls.DiskCalls, removeAs: Remove, writeFile: FileSystem.FileSystem["writeFile"]) => {
  const { random, volume } = calls
  const { change } = makeCalls(calls)
  const makeIn = (method: string): FileSystem.FileSystem["makeTempDirectory"] =>
    Effect.fnUntraced(function* ({ directory = temporaryFolder, prefix = "" } = {}) {
      const path = join(directory, prefix) + randomText(random, letters, randomChars)
      yield* change("create", [method, "mkdtemp", path], () => DiskNames.makeFolder(volume, path, 0o700))
      return path
    })
  const makeFileIn = (method: string): FileSystem.FileSystem["makeTempFile"] => {
    const makeFolder = makeIn(method)
    return Effect.fnUntraced(function* (options) {
      const folder = yield* makeFolder(options)
      const path = join(folder, randomText(random, "0123456789abcdef", 2 * randomChars) + (options?.suffix ?? ""))
      yield* writeFile(path, new Uint8Array(0))
      return path
    })
  }
  const removed = (method: string, path: string) =>
    Effect.orDie(removeAs(method, path, { recursive: true, force: true }))
  const scopedFolder = makeIn("makeTempDirectoryScoped")
  const scopedFile = makeFileIn("makeTempFileScoped")
  return {
    makeTempDirectory: makeIn("makeTempDirectory"),
    makeTempFile: makeFileIn("makeTempFile"),
    makeTempDirectoryScoped: (options?: Parameters<typeof scopedFolder>[0]) =>
      Effect.acquireRelease(scopedFolder(options), (path) => removed("makeTempDirectoryScoped", path)),
    makeTempFileScoped: (options?: Parameters<typeof scopedFile>[0]) =>
      Effect.acquireRelease(scopedFile(options), (path) =>
        removed("makeTempFileScoped", path.slice(0, path.lastIndexOf("/")))
      )
  }
}

const toMillis = (time: Date | number) => (typeof time === "number" ? time * 1_000 : time.getTime())

/** Makes the methods for links, permissions and times. */
const makeAttributes = (calls: DiskCalls.DiskCalls) => {
  const { volume } = calls
  const { attribute, change, look } = makeCalls(calls)
  return {
    access: (path, options) =>
      look("access", "access", path, () => {
        const inode = DiskLookup.existing(volume, path)
        const wanted = (options?.readable === true ? 4 : 0) | (options?.writable === true ? 2 : 0)
        DiskLookup.checkPermission(volume, inode, wanted)
      }),
    chmod: (path, mode) => attribute(["chmod", "chmod", path], () => ({ mode: mode & 0o7777 })),
    chown: (path, uid, gid) => attribute(["chown", "chown", path], () => ({ uid, gid })),
    utimes: (path, atime, mtime) =>
      attribute(["utime", "utime", path], () => ({ atime: toMillis(atime), mtime: toMillis(mtime) })),
    link: (from, to) => change("create", ["link", "link", from], () => DiskNames.makeLink(volume, from, to)),
    symlink: (from, to) =>
      change("create", ["symlink", "symlink", from], () => DiskNames.makeSymlink(volume, from, to)),
    rename: (from, to) => change("modify", ["rename", "rename", from], () => DiskNames.rename(volume, from, to)),
    readLink: (path) =>
      look("readLink", "readlink", path, () => {
        const { target, type } = DiskLookup.existing(volume, path, false)
        return type === "SymbolicLink" ? target : DiskErrno.fail("EINVAL")
      }),
    // Node removes dots before it follows links, and names two system calls in its errors.
    realPath: (path) =>
      Effect.catchIf(
        look("realPath", "lstat", path, () => DiskLookup.realPath(volume, DiskLookup.normalize(path))),
        ({ reason }) => reason._tag === "BadResource",
        () => look("realPath", "stat", path, () => DiskLookup.realPath(volume, DiskLookup.normalize(path)))
      ),
    stat: (path) => look("stat", "stat", path, () => DiskFile.infoOf(DiskLookup.existing(volume, path))),
    lstat: (path) => look("lstat", "lstat", path, () => DiskFile.infoOf(DiskLookup.existing(volume, path, false))),
    truncate: (path, length = 0) =>
      Effect.andThen(
        DiskFile.checkLength(length),
        change("modify", ["truncate", "open", path], () => {
          const { inode } = DiskFile.openNow(volume, path, { flag: "r+" })
          inode.opened--
          DiskFile.resize(volume, inode, Math.max(0, length))
        })
      )
  } satisfies Partial<FileSystem.FileSystem>
}

/** Makes the file system of a host, from its start to its crash. */
export const make = (calls: DiskCalls.DiskCalls): FileSystem.FileSystem => {
  const { open, readFile, writeFile } = makeContent(calls)
  const { list, makeDirectory, readDirectory, removeAs } = makeFolders(calls)
  const attributes = makeAttributes(calls)
  return FileSystem.make({
    ...attributes,
    ...makeTemporary(calls, removeAs, writeFile),
    ...DiskCopy.make(calls, list, (path) => removeAs("copy", path)),
    open,
    readFile,
    writeFile,
    makeDirectory,
    readDirectory,
    readDirectoryEntries: (path) =>
      Effect.map(list("readDirectoryEntries", path), (entries) => entries.map(([name, { type }]) => ({ name, type }))),
    remove: (path, options) => removeAs("remove", path, options),
    watch: (path, options) => DiskWatch.watch(calls, path, options)
  })
}
