/** Local files named by the user, not confined to a root. */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as NodeStream from "@effect/platform-node/NodeStream"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { AccessDenied, FileStoreError, ReadFailed, type Reason } from "../../../tftp/store/FileStoreError.ts"
import * as NodeFileAttributes from "../../../tftp/store/NodeFileAttributes.ts"
import * as NodeFileCalls from "../../../tftp/store/NodeFileCalls.ts"
import * as Upload from "../../../tftp/store/NodeUpload.ts"
import * as Quota from "../../../tftp/store/Quota.ts"
import type * as Store from "../../../tftp/store/Store.ts"

type Failed = Effect.Effect<never, FileStoreError>

const withReason =
  (filename: string, reasonOf: (cause: NodeJS.ErrnoException) => Reason) =>
  (cause: NodeJS.ErrnoException): Failed =>
    Effect.fail(new FileStoreError({ reason: reasonOf(cause), filename }))

const open = (path: string, flags: number) =>
  Effect.acquireRelease(NodeFileCalls.open(path, flags), (descriptor) => Effect.ignore(NodeFileCalls.close(descriptor)))

/** Opens a file to send: a regular file for reads at any position, any other as a stream. */
export const readable = Effect.fnUntraced(function* (
  filename: string
): Effect.fn.Return<Pick<Store.Readable, "body" | "size">, FileStoreError, Scope.Scope> {
  const failed = withReason(filename, NodeFileCalls.readReason)
  const stats = yield* Effect.catch(NodeFileCalls.stat(filename), failed)
  if (stats.isDirectory()) {
    return yield* new FileStoreError({ reason: new AccessDenied({ why: "Directory" }), filename })
  }
  if (!stats.isFile()) {
    const stream = NodeStream.fromReadable({
      evaluate: () => Fs.createReadStream(NodeFileCalls.nodePath(filename)),
      onError: (cause) => new FileStoreError({ reason: new ReadFailed({ cause }), filename })
    })
    return { size: undefined, body: { _tag: "Stream", stream } }
  }
  const descriptor = yield* Effect.catch(open(filename, Fs.constants.O_RDONLY), failed)
  const { size } = yield* Effect.catch(NodeFileCalls.fstat(descriptor), failed)
  return { size, body: NodeFileCalls.bodyOf(descriptor, filename) }
})

/** An output: a device is written directly, a regular file is replaced. */
interface Output {
  readonly path: string
  /** The file or device; undefined if there is none. */
  readonly existing: Fs.Stats | undefined
}

/** Resolves an output path. */
const follow = Effect.fnUntraced(function* (
  path: string,
  name: string,
  links = 40
): Effect.fn.Return<Output, NodeJS.ErrnoException> {
  const stats = yield* Effect.result(NodeFileCalls.stat(path))
  if (Result.isSuccess(stats)) {
    const existing = stats.success
    if (existing.isDirectory()) return yield* follow(Path.join(path, name), "", links)
    return { path: existing.isFile() ? yield* NodeFileCalls.realpath(path) : path, existing }
  }
  const link = yield* Effect.option(NodeFileCalls.readlink(path))
  if (link._tag === "None") return { path, existing: undefined }
  if (links === 0) return yield* Effect.fail(stats.failure)
  return yield* follow(Path.resolve(Path.dirname(path), link.value), name, links - 1)
})

/** Opens a device or a pipe, which is written directly and cannot be discarded. */
const device = Effect.fnUntraced(function* (path: string) {
  const failed = withReason(path, NodeFileCalls.writeReason)
  const descriptor = yield* Effect.catch(open(path, Fs.constants.O_WRONLY), failed)
  const write = (bytes: Uint8Array): Effect.Effect<void, FileStoreError> =>
    NodeFileCalls.call<number>((done) => Fs.write(descriptor, bytes, done)).pipe(
      Effect.catch(failed),
      Effect.flatMap((count) => (count === bytes.length ? Effect.void : write(bytes.subarray(count))))
    )
  const writable: Store.Writable = { write, commit: Effect.void }
  return writable
})

/**
 * Opens an output. In a directory the file gets `name`. The commit replaces an existing file as an upload to a server
 * does: atomically, or in place where that would lose its owner or a link. For a link it replaces the target.
 */
export const writable = Effect.fnUntraced(function* (
  output: string,
  name: string
): Effect.fn.Return<Store.Writable, FileStoreError, Scope.Scope> {
  const failed = withReason(output, NodeFileCalls.writeReason)
  const { existing, path } = yield* Effect.catch(follow(output, name), failed)
  if (existing !== undefined && !existing.isFile()) return yield* device(path)
  if (existing !== undefined) yield* Effect.catch(NodeFileCalls.checkWritable(path), failed)
  const { O_DIRECTORY, O_RDONLY } = Fs.constants
  const parent = Path.dirname(path)
  const descriptor = yield* Effect.catch(open(parent, O_RDONLY | O_DIRECTORY), failed)
  const stats = yield* Effect.catch(NodeFileCalls.fstat(descriptor), failed)
  const folder = { descriptor, path: yield* NodeFileCalls.pathThrough(descriptor, parent), stats }
  const share = yield* Effect.orDie(Effect.fromResult(Quota.make().begin(undefined)))
  return yield* Upload.make({ folder, name: Path.basename(path), filename: output, existing }, share, {
    replace: "auto",
    newFile: { bits: 0o666, isExact: false },
    attributes: yield* NodeFileAttributes.make(),
    spool: Os.tmpdir(),
    sync: false,
    announcedBytes: undefined,
    maxBytes: undefined,
    checkSpace: () => Effect.void,
    checkEachWrite: false
  })
})

/** Returns the name of a file without its folders. */
export const nameOf = (path: string) => Path.basename(path)
