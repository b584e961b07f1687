/** The reading side of a store over a directory: names become real paths inside the root, which are opened safely. */
import { constants } from "node:fs"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as FileName from "./FileName.ts"
import { AccessDenied, FileStoreError, type Reason } from "./FileStoreError.ts"
import * as NodeFileCalls from "./NodeFileCalls.ts"
import * as NodeFolderIndex from "./NodeFolderIndex.ts"
import type { Readable, Request } from "./Store.ts"

/** The symbolic links to follow: those that stay inside the root, or all. */
export type Links = "inside" | "all"

/** Options of reading. */
export interface Options {
  readonly root: string
  readonly ignoreCase: boolean
  readonly followSymlinks: Links
  /** The name of the listing that each folder has; undefined for none. */
  readonly listing: string | undefined
}

/** A failure: a reason of `FileStoreError`, or a system error. */
export type Failure = Reason | NodeJS.ErrnoException

const isErrno = (error: Failure): error is NodeJS.ErrnoException => error instanceof Error

/** Makes a failure the error of a request. */
export const typed =
  ({ filename }: Pick<Request, "filename">, reasonOf: (cause: NodeJS.ErrnoException) => Reason) =>
  <A, R>(effect: Effect.Effect<A, Failure, R>): Effect.Effect<A, FileStoreError, R> =>
    Effect.mapError(effect, (error) => {
      const reason = isErrno(error) ? reasonOf(error) : error
      return new FileStoreError({ reason, filename })
    })

const isMissing = (error: Failure) => isErrno(error) && (error.code === "ENOENT" || error.code === "ENOTDIR")

/** Resolves a parsed name to a real path, following all links. */
const follow = Effect.fnUntraced(function* (
  root: string,
  parts: ReadonlyArray<string>,
  { followSymlinks, ignoreCase }: Options
): Effect.fn.Return<string, Failure> {
  const step = (path: string, name: string) =>
    Effect.flatMap(NodeFileCalls.realpath(Path.join(path, name)), (real) => confined(root, real, followSymlinks))
  /** Tries all entries that match: of `boot` and `Boot` only one may have the file. */
  const walk = Effect.fnUntraced(function* (
    path: string,
    left: ReadonlyArray<string>
  ): Effect.fn.Return<string, Failure> {
    const [part, ...rest] = left
    if (part === undefined) return path
    let missing: Failure = NodeFileCalls.errno("ENOENT")
    for (const found of FileName.allIgnoringCase(yield* NodeFileCalls.readdir(path), part)) {
      const outcome = yield* Effect.result(Effect.flatMap(step(path, found), (real) => walk(real, rest)))
      if (Result.isSuccess(outcome)) return outcome.success
      if (!isMissing(outcome.failure)) return yield* Effect.fail(outcome.failure)
      missing = outcome.failure
    }
    return yield* Effect.fail(missing)
  })
  const exact = NodeFileCalls.realpath(Path.join(root, ...parts))
  const path = yield* ignoreCase ? Effect.catchIf(exact, isMissing, () => walk(root, parts)) : exact
  return yield* confined(root, path, followSymlinks)
})

/** Returns a real path if links may lead there, and it is not that of an unfinished upload. */
export const confined = (root: string, path: string, links: Links = "inside"): Effect.Effect<string, AccessDenied> => {
  if (links === "inside" && !NodeFileCalls.isInside(root, path)) {
    return Effect.fail(new AccessDenied({ why: "Outside" }))
  }
  return Path.basename(path).startsWith(FileName.uploadPrefix)
    ? Effect.fail(new AccessDenied({ why: "Reserved" }))
    : Effect.succeed(path)
}

/** Opens a path that `confined` accepts, and checks the open file again: the path may have changed in between. */
export const openInside = Effect.fnUntraced(function* (
  root: string,
  path: string,
  flags: number,
  links: Links = "inside"
): Effect.fn.Return<number, Failure, Scope.Scope> {
  const descriptor = yield* Effect.acquireRelease(
    NodeFileCalls.open(path, flags | constants.O_NOFOLLOW),
    (descriptor) => Effect.ignore(NodeFileCalls.close(descriptor))
  )
  yield* confined(root, yield* NodeFileCalls.realPathOf(descriptor, path), links)
  return descriptor
})

/** The flags for reading: do not wait for the other end of a pipe, nor acquire a terminal. */
const readFlags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY

export const regular = (stats: Parameters<typeof NodeFileCalls.notRegular>[0]): Effect.Effect<void, AccessDenied> => {
  const refusal = NodeFileCalls.notRegular(stats)
  return refusal === undefined ? Effect.void : Effect.fail(refusal)
}

/** Opens a file by its parsed name; `filename` is the name in errors. */
const openFile = Effect.fnUntraced(function* (
  options: Options,
  base: string,
  parts: ReadonlyArray<string>,
  filename: string
): Effect.fn.Return<Readable, Failure, Scope.Scope> {
  const path = yield* follow(base, parts, options)
  yield* regular(yield* NodeFileCalls.lstat(path))
  const descriptor = yield* openInside(base, path, readFlags, options.followSymlinks)
  const stats = yield* NodeFileCalls.fstat(descriptor)
  yield* regular(stats)
  const { mtimeMs: modifiedAtMillis, size } = stats
  return {
    size,
    path,
    name: Path.relative(base, path),
    descriptor,
    modifiedAtMillis,
    unchanged: NodeFileCalls.unchanged(descriptor, size, modifiedAtMillis, filename),
    body: NodeFileCalls.bodyOf(descriptor, filename)
  }
})

/** Lists the folder of a listing. */
const openListing = Effect.fnUntraced(function* (
  options: Options,
  base: string,
  folder: ReadonlyArray<string>
): Effect.fn.Return<Readable, Failure> {
  const path = yield* follow(base, folder, options)
  return yield* NodeFolderIndex.make(path, folder, (real) => confined(base, real, options.followSymlinks))
})

/** Opens the requested file, or the listing of its folder if the file does not exist. */
export const openReadable = Effect.fnUntraced(function* (
  options: Options,
  { filename }: Request
): Effect.fn.Return<Readable, Failure, Scope.Scope> {
  const parts = yield* Effect.fromResult(FileName.parse(filename))
  const base = yield* NodeFileCalls.realpath(options.root)
  const file = openFile(options, base, parts, filename)
  if (parts.at(-1) !== options.listing) return yield* file
  const isAbsent = (error: Failure) => isErrno(error) && error.code === "ENOENT"
  return yield* Effect.catchIf(file, isAbsent, () => openListing(options, base, parts.slice(0, -1)))
})
