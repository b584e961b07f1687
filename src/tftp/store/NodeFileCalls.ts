/**
 * The calls of node:fs that a store uses, as effects, and the mapping of system errors to `FileStoreError`. Paths and
 * names are text of `NameText`, which is converted to bytes and back only here.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import * as NameText from "../protocol/NameText.ts"
import {
  AccessDenied,
  Changed,
  DiskFull,
  Exists,
  FileStoreError,
  NotFound,
  ReadFailed,
  type Reason,
  WriteFailed
} from "./FileStoreError.ts"
import type { Body } from "./Store.ts"

type Done<A> = (error: NodeJS.ErrnoException | null, value?: A) => void

/**
 * Wraps one call. It is uninterruptible: while it runs, the kernel uses the buffer, and the descriptor must not be
 * closed and reused.
 */
export const call = <A = void>(run: (done: Done<A>) => void): Effect.Effect<A, NodeJS.ErrnoException> =>
  Effect.uninterruptible(
    Effect.callback((resume) => {
      try {
        run((error, value) => resume(error ? Effect.fail(error) : Effect.succeed(value as A)))
      } catch (error) {
        resume(Effect.fail(error as NodeJS.ErrnoException))
      }
    })
  )

/** Makes a system error with a code. */
export const errno = (code: string): NodeJS.ErrnoException => Object.assign(new Error(code), { code })

const missing = new NotFound()
const full = new DiskFull()
const forbidden = new AccessDenied({ why: "Forbidden" })
const device = new AccessDenied({ why: "Device" })

const reasons: Readonly<Record<string, Reason>> = {
  ENOENT: missing,
  ENOTDIR: missing,
  ENAMETOOLONG: missing,
  ENOSPC: full,
  EDQUOT: full,
  EFBIG: full,
  EACCES: forbidden,
  EPERM: forbidden,
  EROFS: new AccessDenied({ why: "ReadOnlyDisk" }),
  EISDIR: new AccessDenied({ why: "Directory" }),
  ELOOP: new AccessDenied({ why: "Link" }),
  ENXIO: device,
  ENODEV: device,
  EEXIST: new Exists()
}

const knownReason = ({ code = "" }: NodeJS.ErrnoException): Reason | undefined => reasons[code]

/** Returns the reason why opening or reading failed. */
export const readReason = (cause: NodeJS.ErrnoException): Reason => knownReason(cause) ?? new ReadFailed({ cause })

/** Returns the reason why creating, writing or renaming failed. */
export const writeReason = (cause: NodeJS.ErrnoException): Reason => knownReason(cause) ?? new WriteFailed({ cause })

/** Returns true if a real path is the root or below it; `/root-priv` is not below `/root`. */
export const isInside = (root: string, path: string): boolean =>
  path === root || path.startsWith(root.endsWith(Path.sep) ? root : root + Path.sep)

/** Returns the reason to refuse a path that is not a regular file; undefined if it is one. */
export const notRegular = (stats: Fs.Stats): AccessDenied | undefined => {
  if (stats.isFile()) return undefined
  const why = stats.isDirectory() ? "Directory" : stats.isSymbolicLink() ? "Link" : "Device"
  return new AccessDenied({ why })
}

/** Returns a path for node:fs, which takes text for UTF-8, and bytes for any path. */
export const nodePath = (path: string): string | Buffer =>
  NameText.isUtf8(path) ? path : Buffer.from(NameText.toBytes(path))

/** Calls a function that results in the bytes of a path. */
const callForPath = (run: (done: Done<Buffer>) => void) => Effect.map(call<Buffer>(run), NameText.fromBytes)

export const open = (path: string, flags: number, mode?: number) =>
  call<number>((done) => Fs.open(nodePath(path), flags, mode, done))
export const close = (descriptor: number) => call((done) => Fs.close(descriptor, done))
export const fstat = (descriptor: number) => call<Fs.Stats>((done) => Fs.fstat(descriptor, done))
export const stat = (path: string) => call<Fs.Stats>((done) => Fs.stat(nodePath(path), done))
export const lstat = (path: string) => call<Fs.Stats>((done) => Fs.lstat(nodePath(path), done))
export const fsync = (descriptor: number) => call((done) => Fs.fsync(descriptor, done))
export const realpath = (path: string) => callForPath((done) => Fs.realpath.native(nodePath(path), "buffer", done))
export const readlink = (path: string) => callForPath((done) => Fs.readlink(nodePath(path), "buffer", done))
export const readdir = (path: string): Effect.Effect<ReadonlyArray<string>, NodeJS.ErrnoException> =>
  Effect.map(
    call<ReadonlyArray<Buffer>>((done) => Fs.readdir(nodePath(path), "buffer", done)),
    (names) => names.map(NameText.fromBytes)
  )
/** Returns the paths of the folders in a folder, without links to folders. */
export const subfolders = (path: string): Effect.Effect<ReadonlyArray<string>, NodeJS.ErrnoException> =>
  Effect.map(
    call<ReadonlyArray<Fs.Dirent<Buffer>>>((done) =>
      Fs.readdir(nodePath(path), { encoding: "buffer", withFileTypes: true }, done)
    ),
    (entries) =>
      entries.filter((entry) => entry.isDirectory()).map(({ name }) => Path.join(path, NameText.fromBytes(name)))
  )
export const rename = (from: string, to: string) => call((done) => Fs.rename(nodePath(from), nodePath(to), done))
export const link = (from: string, to: string) => call((done) => Fs.link(nodePath(from), nodePath(to), done))
export const unlink = (path: string) => call((done) => Fs.unlink(nodePath(path), done))
export const mkdir = (path: string, mode: number) => call((done) => Fs.mkdir(nodePath(path), mode, done))
export const rmdir = (path: string) => call((done) => Fs.rmdir(nodePath(path), done))
export const fchmod = (descriptor: number, mode: number) => call((done) => Fs.fchmod(descriptor, mode, done))
/** Changes the owner and the group of an open file; -1 keeps one of them. */
export const fchown = (descriptor: number, user: number, group: number) =>
  call((done) => Fs.fchown(descriptor, user, group, done))
export const ftruncate = (descriptor: number, size: number) => call((done) => Fs.ftruncate(descriptor, size, done))
/** Succeeds if the process may access a path in a mode, such as `R_OK`. */
export const access = (path: string, mode: number) => call((done) => Fs.access(nodePath(path), mode, done))

/** Returns the bytes available in the file system of a path. */
export const freeBytes = (path: string) =>
  Effect.map(
    call<Fs.StatsFs>((done) => Fs.statfs(nodePath(path), done)),
    ({ bavail, bsize }) => bavail * bsize
  )

/** Fills `into` from a position, up to the end of the file; returns the number of bytes read. */
export const readAt = (descriptor: number, position: number, into: Uint8Array) =>
  call<number>((done) => {
    const step = (at: number): void =>
      Fs.read(descriptor, into, at, into.length - at, position + at, (error, count) =>
        error !== null || count === 0 || at + count === into.length ? done(error, at + count) : step(at + count)
      )
    step(0)
  })

/** Returns the parts of the buffers that follow the first `count` bytes. */
const remainingBuffers = (places: ReadonlyArray<Uint8Array>, count: number): ReadonlyArray<Uint8Array> => {
  let left = count
  for (const [index, place] of places.entries()) {
    if (left < place.length) return [place.subarray(left), ...places.slice(index + 1)]
    left -= place.length
  }
  return []
}

/** Fills several buffers in order from a position; returns the number of bytes read. */
const readVectoredAt = (descriptor: number, position: number, into: ReadonlyArray<Uint8Array>) =>
  call<number>((done) => {
    const step = (places: ReadonlyArray<Uint8Array>, at: number): void =>
      Fs.readv(descriptor, places, position + at, (error, count) => {
        const left = error !== null || count === 0 ? [] : remainingBuffers(places, count)
        return left.length === 0 ? done(error, at + count) : step(left, at + count)
      })
    step(into, 0)
  })

/** Returns the content of an open regular file; `filename` is the name in errors. */
export const bodyOf = (descriptor: number, filename: string): Body => {
  const failed = Effect.mapError(
    (cause: NodeJS.ErrnoException) => new FileStoreError({ filename, reason: readReason(cause) })
  )
  return {
    _tag: "Random",
    readAt: (position, into) => failed(readAt(descriptor, position, into)),
    readVectoredAt: (position, into) => failed(readVectoredAt(descriptor, position, into))
  }
}

/** Fails with `Changed` if an open file no longer has its size and modification time in milliseconds. */
export const unchanged = (descriptor: number, size: number, modifiedAtMillis: number, filename: string) =>
  Effect.matchEffect(fstat(descriptor), {
    onSuccess: (stats) =>
      stats.size === size && stats.mtimeMs === modifiedAtMillis
        ? Effect.void
        : Effect.fail(new FileStoreError({ filename, reason: new Changed() })),
    onFailure: (cause) => Effect.fail(new FileStoreError({ filename, reason: readReason(cause) }))
  })

/** Writes all bytes at a position. */
export const writeAt = (descriptor: number, position: number, bytes: Uint8Array) =>
  call((done) => {
    const step = (at: number): void =>
      Fs.write(descriptor, bytes, at, bytes.length - at, position + at, (error, count) =>
        error !== null || at + count === bytes.length ? done(error) : step(at + count)
      )
    step(0)
  })

/** Bytes copied from file to file by one call. */
const copyBytes = 1_024 * 1_024

/** Copies the bytes from a position up to another between open files, to the same positions. */
export const copyRange = Effect.fnUntraced(function* (from: number, to: number, start: number, end: number) {
  const buffer = new Uint8Array(Math.max(0, Math.min(copyBytes, end - start)))
  for (let position = start; position < end; position += buffer.length) {
    const piece = buffer.subarray(0, Math.min(buffer.length, end - position))
    if ((yield* readAt(from, position, piece)) < piece.length) return yield* Effect.fail(errno("EIO"))
    yield* writeAt(to, position, piece)
  }
})

/**
 * Succeeds if the process may write a file. access(2) asks for the real user without capabilities: what it denies, and
 * where another user is effective, the file is opened.
 */
export const checkWritable = (path: string) => {
  const { O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = Fs.constants
  const byOpening = Effect.flatMap(open(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY), close)
  return process.geteuid?.() === process.getuid?.()
    ? Effect.catch(access(path, Fs.constants.W_OK), () => byOpening)
    : byOpening
}

/** Returns the mount that an open file is reached through, as Linux numbers them; undefined on other systems. */
export const mountOf = (descriptor: number) =>
  Effect.match(
    call<string>((done) => Fs.readFile(`/proc/self/fdinfo/${descriptor}`, "latin1", done)),
    { onSuccess: (text) => /^mnt_id:\s*(\d+)$/m.exec(text)?.[1], onFailure: () => undefined }
  )

/** The directory in which Linux has a link for each open descriptor. */
const descriptorLinks = "/proc/self/fd"

/**
 * Returns a path through the descriptor of an open directory, which stays valid if the directory is moved or replaced.
 * On a system without links of descriptors it is the plain path.
 */
export const pathThrough = (descriptor: number, path: string, links = descriptorLinks) => {
  const link = `${links}/${descriptor}`
  return Effect.match(readlink(link), { onSuccess: () => link, onFailure: () => path })
}

/**
 * Returns the real path of an open file. On a system without links of descriptors it is that of `path`, if this is
 * still the same file.
 */
export const realPathOf = (descriptor: number, path: string, links = descriptorLinks) =>
  Effect.catch(
    readlink(`${links}/${descriptor}`),
    Effect.fnUntraced(function* () {
      const real = yield* realpath(path)
      const [one, other] = yield* Effect.all([fstat(descriptor), lstat(real)])
      return one.dev === other.dev && one.ino === other.ino ? real : yield* Effect.fail(errno("ENOENT"))
    })
  )
