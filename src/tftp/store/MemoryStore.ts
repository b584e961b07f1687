/** A store in memory, for tests, simulations and programs that need no disk. */
import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as FileName from "./FileName.ts"
import {
  AccessDenied,
  Busy,
  Exists,
  FileStoreError,
  FolderNotFound,
  NotFound,
  type Reason,
  TargetNotFound
} from "./FileStoreError.ts"
import * as Quota from "./Quota.ts"
import type { Readable, Store, Writable, WriteMode } from "./Store.ts"

/** Options of a store in memory. @category models @since 0.1.0 */
export interface Options {
  /**
   * The files by name, as text of `NameText` with `/` between folders. Uploads change the map, and so may the program
   * at any time; the bytes of a file are replaced, never changed. Default: a new, empty map.
   */
  readonly files?: Map<string, Uint8Array> | undefined
  /** The permission to write. Default `none`. */
  readonly write?: WriteMode | undefined
  /** The limits on the size of a file and of all files. Default: no limits. */
  readonly quota?: Quota.Limits | undefined
  /** True to ignore case in the names of files to read. Default false. */
  readonly ignoreCase?: boolean | undefined
}

/**
 * Makes a file of bytes. They are not copied: do not change them while the file is read.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromBytes = (bytes: Uint8Array): Readable => {
  const copy = (position: number, into: Uint8Array) => {
    const piece = bytes.subarray(position, position + into.length)
    into.set(piece)
    return piece.length
  }
  return {
    size: bytes.length,
    body: {
      _tag: "Random",
      readAt: (position, into) => Effect.sync(() => copy(position, into)),
      readVectoredAt: (position, into) =>
        Effect.sync(() => into.reduce((count, place) => count + copy(position + count, place), 0))
    }
  }
}

/** An upload in progress. */
interface Upload {
  readonly name: string
  readonly share: Quota.Share
  /** Ends the upload and unlocks the name; `stored` is the change of the bytes in the store. */
  readonly end: (stored: number) => void
}

type Files = Map<string, Uint8Array>

const find = (files: Files, name: string, ignoreCase: boolean): Uint8Array | undefined => {
  const exact = files.get(name)
  if (exact !== undefined || !ignoreCase) return exact
  return files.get(FileName.ignoringCase([...files.keys()], name) ?? name)
}

const isFolder = (files: Files, name: string) =>
  name === "" || Array.from(files.keys()).some((file) => file.startsWith(`${name}/`))

const failed = (filename: string, reason: Reason) => Effect.fail(new FileStoreError({ reason, filename }))

/** Collects the bytes of an upload, and adds them to the files at the commit. */
const makeWritable = (
  files: Files,
  { maxBytes, mode }: { readonly maxBytes: number | undefined; readonly mode: WriteMode },
  { end, name, share }: Upload,
  filename: string
): Writable => {
  const chunks: Array<Uint8Array> = []
  let length = 0
  return {
    name,
    maxBytes,
    write: (bytes) =>
      Effect.suspend(() => {
        const grown = share.grow(bytes.length)
        if (Result.isFailure(grown)) return failed(filename, grown.failure)
        chunks.push(bytes.slice())
        length += bytes.length
        return Effect.void
      }),
    commit: Effect.suspend(() => {
      if (mode === "create" && files.has(name)) return failed(filename, new Exists())
      const before = files.get(name)?.length ?? 0
      files.set(name, Bytes.concat(chunks))
      end(length - before)
      return Effect.void
    })
  }
}

/**
 * Makes a store in memory with the rules of a directory: the same names, permissions and quotas. An upload is visible
 * when it is committed, and a second upload of the same name is refused meanwhile. A reader keeps the bytes it started
 * with. A folder exists if a file is in it.
 *
 * **Example** (Write a file, and read it)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { MemoryStore } from "effect-inet/tftp"
 *
 * const files = new Map<string, Uint8Array>()
 * const store = MemoryStore.make({ files, write: "create", quota: { file: 1_000 } })
 * const client = { address: "192.0.2.7", port: 2_000 }
 * const request = { filename: "/log.txt", mode: "octet", client, options: [], size: undefined } as const
 *
 * const upload = Effect.gen(function*() {
 *   const { commit, write } = yield* store.write(request)
 *   yield* write(new TextEncoder().encode("booted"))
 *   yield* commit
 * })
 *
 * await Effect.runPromise(Effect.scoped(upload))
 * new TextDecoder().decode(files.get("log.txt")) // => "booted"
 * const error = await Effect.runPromise(Effect.flip(Effect.scoped(upload)))
 * error.message // => '"/log.txt": file exists; allow overwriting to replace it'
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({
  files = new Map(),
  ignoreCase = false,
  quota: limits,
  write: mode = "none"
}: Options = {}): Store => {
  const uploading = new Set<string>()
  const quota = Quota.make(limits)

  const refusal = (name: string): Reason | undefined => {
    if (mode === "none") return new AccessDenied({ why: "ReadOnly" })
    if (isFolder(files, name)) return new AccessDenied({ why: "Directory" })
    if (mode === "existing" && !files.has(name)) return new TargetNotFound()
    if (!isFolder(files, name.split("/").slice(0, -1).join("/"))) return new FolderNotFound()
    if (uploading.has(name)) return new Busy()
    return mode === "create" && files.has(name) ? new Exists() : undefined
  }

  const openUpload = (filename: string, size: number | undefined): Result.Result<Upload, FileStoreError> =>
    Result.mapError(
      Result.gen(function* () {
        const name = (yield* FileName.parse(filename)).join("/")
        const reason = refusal(name)
        if (reason !== undefined) return yield* Result.fail(reason)
        if (quota.isIdle())
          quota.setStoredBytes(Array.from(files.values()).reduce((sum, { length }) => sum + length, 0))
        const share = yield* quota.begin(size)
        uploading.add(name)
        let isOurs = true
        const end = (stored: number) => {
          share.end(stored)
          if (isOurs) uploading.delete(name)
          isOurs = false
        }
        return { name, share, end }
      }),
      (reason: Reason) => new FileStoreError({ reason, filename })
    )

  return {
    read: ({ filename }) =>
      Effect.suspend(() => {
        const parts = FileName.parse(filename)
        if (Result.isFailure(parts)) return failed(filename, parts.failure)
        const name = parts.success.join("/")
        const bytes = find(files, name, ignoreCase)
        if (bytes !== undefined) return Effect.succeed({ ...fromBytes(bytes), name })
        return failed(filename, isFolder(files, name) ? new AccessDenied({ why: "Directory" }) : new NotFound())
      }),
    write: ({ filename, size }) =>
      Effect.map(
        Effect.acquireRelease(
          Effect.suspend(() => Effect.fromResult(openUpload(filename, size))),
          ({ end }) => Effect.sync(() => end(0))
        ),
        (upload) => makeWritable(files, { maxBytes: limits?.file, mode }, upload, filename)
      )
  }
}
