/** Errors of a simulated disk, in the form in which Node and effect's `NodeFileSystem` report them. */
import * as PlatformError from "effect/PlatformError"

/** Number and text of each error, as on Linux. */
const known = {
  EPERM: [1, "operation not permitted"],
  ENOENT: [2, "no such file or directory"],
  EIO: [5, "i/o error"],
  EBADF: [9, "bad file descriptor"],
  EACCES: [13, "permission denied"],
  EEXIST: [17, "file already exists"],
  ENOTDIR: [20, "not a directory"],
  EISDIR: [21, "illegal operation on a directory"],
  EINVAL: [22, "invalid argument"],
  EFBIG: [27, "file too large"],
  ENOSPC: [28, "no space left on device"],
  EROFS: [30, "read-only file system"],
  ENAMETOOLONG: [36, "name too long"],
  ENOTEMPTY: [39, "directory not empty"],
  ELOOP: [40, "too many symbolic links encountered"],
  // Errors of Node itself.
  ERR_FS_EISDIR: [21, "Path is a directory: rm returned EISDIR (is a directory)"],
  ERR_FS_CP_EINVAL: [22, "Invalid src or dest"],
  ERR_FS_CP_DIR_TO_NON_DIR: [20, "Cannot overwrite non-directory with directory"],
  ERR_FS_CP_NON_DIR_TO_DIR: [21, "Cannot overwrite directory with non-directory"]
} as const

/** Code of an error. */
export type Code = keyof typeof known

/** A call of the disk has failed. */
export class DiskErrno extends Error {
  readonly code: Code
  readonly errno: number
  syscall: string | undefined
  path: string | undefined
  constructor(code: Code) {
    super(known[code][1])
    this.code = code
    this.errno = -known[code][0]
  }
}

/** Throws the error of a code. */
export const fail: (code: Code) => never = (code) => {
  throw new DiskErrno(code)
}

const tags: Partial<Record<Code, PlatformError.SystemErrorTag>> = {
  ENOENT: "NotFound",
  EACCES: "PermissionDenied",
  EPERM: "PermissionDenied",
  EEXIST: "AlreadyExists",
  EISDIR: "BadResource",
  ENOTDIR: "BadResource",
  ELOOP: "BadResource"
}

/** Names of a call, for its errors. */
export interface Call {
  /** Method of `FileSystem` or `File`. */
  readonly method: string
  readonly syscall: string
  readonly path: string
  /** Number of the open file, if the call has no path. */
  readonly descriptor?: number | undefined
}

/** Makes the error that `NodeFileSystem` has for a failed call. */
export const platformError = ({ descriptor, method, path, syscall }: Call, code: Code): PlatformError.PlatformError => {
  const cause = new DiskErrno(code)
  cause.syscall = syscall
  if (descriptor === undefined) cause.path = path
  cause.message = `${code}: ${known[code][1]}, ${syscall}${descriptor === undefined ? ` '${path}'` : ""}`
  return PlatformError.systemError({
    _tag: tags[code] ?? "Unknown",
    module: "FileSystem",
    method,
    pathOrDescriptor: descriptor ?? path,
    syscall,
    cause
  })
}

/** Makes the error of an invalid argument. */
export const badArgument = (method: string, description: string): PlatformError.PlatformError =>
  PlatformError.badArgument({ module: "FileSystem", method, description })
