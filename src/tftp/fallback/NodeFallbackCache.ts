/**
 * A cache of fetched files in a folder of this host.
 *
 * Each file has a random name, and beside it a description with its URL and its version, under a hash of the URL:
 * `<hash>.json` names `<hash>.<random>.data`. A file is synced before its description is renamed into place, so that
 * after a crash of process or machine each description names a whole file. Whatever else is left is deleted at the next
 * start. The modification time of a description is the time of the last use.
 */
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as NodeLockFile from "../../process/NodeLockFile.ts"
import * as StateFileError from "../../process/StateFileError.ts"
import { NotFound, type Reason, TooLarge } from "../store/FileStoreError.ts"
import * as NodeFileCalls from "../store/NodeFileCalls.ts"
import * as CacheIndex from "./CacheIndex.ts"
import type { Addition, FallbackCache } from "./FallbackCache.ts"

/** Options of a cache. @category models @since 0.1.0 */
export interface Options {
  /** The folder, made if it does not exist. One process at a time uses it. */
  readonly folder: string
  /** The most bytes of all files, also of those that are being fetched. Default 1 GiB. */
  readonly maxBytes?: number | undefined
}

/** The size of a cache by default. @category constants @since 0.1.0 */
export const defaultMaxBytes: number = 1_024 ** 3

/** The largest description: a URL of 512 bytes of name, and two headers of HTTP. */
const maxDescriptionBytes = 64 * 1_024

const Description = Schema.fromJsonString(
  Schema.Struct({
    url: Schema.String,
    file: Schema.String,
    bytes: Schema.Number,
    validatedAtMillis: Schema.Number,
    mustRevalidate: Schema.Boolean,
    etag: Schema.optional(Schema.String),
    lastModified: Schema.optional(Schema.String)
  })
)

const decode = (text: string): CacheIndex.Entry | undefined => {
  const known = Option.getOrUndefined(Schema.decodeUnknownOption(Description)(text))
  return known && { ...known, etag: known.etag, lastModified: known.lastModified }
}
const encode = Schema.encodeSync(Description)

/** The names of the files of a cache; all others in the folder are left alone. */
const names = {
  description: /^[0-9a-f]{32}\.json$/,
  data: /^[0-9a-f]{32}\.[0-9a-f]{16}\.data$/,
  unfinished: /^[0-9a-f]{32}\.[0-9a-f]{16}\.new$/
}

const hashOf = (url: string) => Crypto.createHash("sha256").update(url).digest("hex").slice(0, 32)
const descriptionOf = (url: string) => `${hashOf(url)}.json`
const newName = (url: string, kind: "data" | "new") => `${hashOf(url)}.${Crypto.randomBytes(8).toString("hex")}.${kind}`

/** Reads the description of a file, with the time of its last use. Undefined if it does not describe a whole file. */
const readEntry = (folder: string, name: string) => {
  try {
    const path = Path.join(folder, name)
    const { mtimeMs, size } = Fs.lstatSync(path)
    if (size > maxDescriptionBytes) return undefined
    const entry = decode(Fs.readFileSync(path, "utf8"))
    if (entry === undefined || descriptionOf(entry.url) !== name || !names.data.test(entry.file)) return undefined
    const data = Fs.lstatSync(Path.join(folder, entry.file))
    return data.isFile() && data.size === entry.bytes ? { entry, usedAtMillis: mtimeMs } : undefined
  } catch {
    return undefined
  }
}

/** Reads what earlier processes left in the folder, and deletes what is not whole. */
const load = (folder: string, index: CacheIndex.CacheIndex) => {
  const files = Fs.readdirSync(folder)
  const described = files.filter((name) => names.description.test(name)).map((name) => readEntry(folder, name))
  const whole = described.filter((one) => one !== undefined).sort((one, other) => one.usedAtMillis - other.usedAtMillis)
  for (const { entry } of whole) index.put(entry)
  const kept = new Set(whole.flatMap(({ entry: { file, url } }) => [file, descriptionOf(url)]))
  for (const name of files) {
    const isOurs = Object.values(names).some((pattern) => pattern.test(name))
    if (isOurs && !kept.has(name)) Fs.rmSync(Path.join(folder, name), { force: true })
  }
}

/** The files of a cache, and their entries. */
interface Files {
  readonly folder: string
  readonly maxBytes: number
  readonly index: CacheIndex.CacheIndex
}

const pathIn = ({ folder }: Files, name: string) => Path.join(folder, name)

/** Deletes the file of an entry: first its description, so that none is left without its file. */
const deleteFile = (files: Files, { file, url }: CacheIndex.Entry, withDescription = true) =>
  Effect.andThen(
    withDescription ? Effect.ignore(NodeFileCalls.unlink(pathIn(files, descriptionOf(url)))) : Effect.void,
    Effect.ignore(NodeFileCalls.unlink(pathIn(files, file)))
  )

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR, O_WRONLY } = Fs.constants

const closing = (descriptor: number) => Effect.ignore(NodeFileCalls.close(descriptor))

/** The permissions of the files: other users may not read what a server sent to this one. */
const permissions = 0o600

/** Writes the description of an entry atomically. */
const writeDescription = (files: Files, entry: CacheIndex.Entry) => {
  const temporary = pathIn(files, newName(entry.url, "new"))
  const write = Effect.acquireUseRelease(
    NodeFileCalls.open(temporary, O_WRONLY | O_CREAT | O_EXCL, permissions),
    (descriptor) =>
      Effect.andThen(
        NodeFileCalls.writeAt(descriptor, 0, new TextEncoder().encode(encode(entry))),
        NodeFileCalls.fsync(descriptor)
      ),
    closing
  )
  return write.pipe(
    Effect.andThen(NodeFileCalls.rename(temporary, pathIn(files, descriptionOf(entry.url)))),
    Effect.onError(() => Effect.ignore(NodeFileCalls.unlink(temporary)))
  )
}

/** Errors of this process or host, and not of a file, which is kept. */
const exhausted = new Set(["EMFILE", "ENFILE", "ENOMEM"])

const openEntry = Effect.fnUntraced(function* (files: Files, entry: CacheIndex.Entry) {
  const { bytes, file, url } = entry
  const lost = Effect.gen(function* (): Effect.fn.Return<never, Reason> {
    const isCurrent = files.index.find(url)?.file === file
    if (isCurrent) files.index.remove(url)
    yield* deleteFile(files, entry, isCurrent)
    return yield* Effect.fail(new NotFound())
  })
  const descriptor = yield* Effect.acquireRelease(
    Effect.catch(NodeFileCalls.open(pathIn(files, file), O_RDONLY | O_NOFOLLOW), (cause) =>
      exhausted.has(cause.code ?? "") ? Effect.fail(NodeFileCalls.readReason(cause)) : lost
    ),
    closing
  )
  const { size } = yield* Effect.catch(NodeFileCalls.fstat(descriptor), () => lost)
  if (size !== bytes) return yield* lost
  files.index.use(url)
  const now = new Date()
  yield* Effect.ignore(NodeFileCalls.call((done) => Fs.utimes(pathIn(files, descriptionOf(url)), now, now, done)))
  return { size, descriptor, body: NodeFileCalls.bodyOf(descriptor, file) }
})

/** Starts a file. */
const add = Effect.fnUntraced(function* (
  files: Files,
  url: string,
  size: number | undefined
): Effect.fn.Return<Addition | undefined, Reason, Scope.Scope> {
  const room = yield* Effect.acquireRelease(
    Effect.sync(() => files.index.reserve()),
    (room) => Effect.sync(() => room.end())
  )
  const grow = Effect.fnUntraced(function* (bytes: number) {
    const removed = room.grow(bytes)
    for (const entry of removed ?? []) yield* deleteFile(files, entry)
    return removed !== undefined
  })
  if (!(yield* grow(size ?? 0))) return undefined
  const temporary = pathIn(files, newName(url, "new"))
  const file = newName(url, "data")
  const descriptor = yield* Effect.acquireRelease(
    NodeFileCalls.open(temporary, O_RDWR | O_CREAT | O_EXCL, permissions),
    (descriptor) => Effect.andThen(closing(descriptor), Effect.ignore(NodeFileCalls.unlink(temporary)))
  ).pipe(Effect.mapError(NodeFileCalls.writeReason))
  let bytes = 0
  return {
    write: Effect.fnUntraced(function* (chunk) {
      if (bytes + chunk.length > (size ?? 0) && !(yield* grow(chunk.length)))
        return yield* Effect.fail(new TooLarge({ limit: files.maxBytes, of: "Cache" }))
      yield* Effect.mapError(NodeFileCalls.writeAt(descriptor, bytes, chunk), NodeFileCalls.writeReason)
      bytes += chunk.length
    }),
    readAt: (position, into) =>
      Effect.mapError(NodeFileCalls.readAt(descriptor, position, into), NodeFileCalls.readReason),
    commit: Effect.fnUntraced(
      function* (known) {
        const entry: CacheIndex.Entry = { ...known, url, file, bytes }
        yield* NodeFileCalls.fsync(descriptor)
        yield* NodeFileCalls.rename(temporary, pathIn(files, file))
        yield* Effect.onError(writeDescription(files, entry), () =>
          Effect.ignore(NodeFileCalls.unlink(pathIn(files, file)))
        )
        const replaced = room.end(entry)
        if (replaced !== undefined) yield* deleteFile(files, replaced, false)
      },
      Effect.mapError(NodeFileCalls.writeReason),
      Effect.uninterruptible
    )
  }
})

/**
 * Opens a cache in a folder, with the files that are in it. Fails if the folder cannot be made or written, or if
 * another process uses it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* ({
  folder,
  maxBytes = defaultMaxBytes
}: Options): Effect.fn.Return<FallbackCache, StateFileError.StateFileError, Scope.Scope> {
  const attempt = (work: () => void) =>
    Effect.try({ try: work, catch: (cause) => StateFileError.fromCause(folder, cause) })
  yield* attempt(() => Fs.mkdirSync(folder, { recursive: true, mode: 0o700 }))
  yield* NodeLockFile.acquire(Path.join(folder, "cache"))
  const files: Files = { folder, maxBytes, index: CacheIndex.make(maxBytes) }
  const { index } = files
  yield* attempt(() => load(folder, index))
  for (const entry of index.shrink()) yield* deleteFile(files, entry)
  return {
    find: index.find,
    open: (entry) => openEntry(files, entry),
    update: (entry) =>
      Effect.suspend(() => {
        if (index.find(entry.url)?.file !== entry.file) return Effect.void
        index.put(entry)
        return Effect.ignore(writeDescription(files, entry))
      }),
    remove: (url) =>
      Effect.suspend(() => {
        const entry = index.remove(url)
        return entry === undefined ? Effect.void : deleteFile(files, entry)
      }),
    add: (url, size) => add(files, url, size)
  }
})
