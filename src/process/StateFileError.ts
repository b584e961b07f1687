/** The error of a state file or its lock. */
import * as Data from "effect/Data"
import * as PlatformError from "effect/PlatformError"

/** A state file cannot be read, written or locked. What is left of an earlier content is said at each operation. */
export class StateFileError extends Data.TaggedError("StateFileError")<{
  readonly path: string
  /** System error code such as `ENOSPC`; `Locked`, `NotRegular` or `TooLarge`. */
  readonly code: string
  /** Why, and what to do, without the path. */
  readonly detail: string
}> {
  override get message(): string {
    return `${this.path}: ${this.detail}`
  }
}

const details: Readonly<Record<string, string>> = {
  EACCES: "permission denied; choose a writable file in a writable directory",
  EDQUOT: "the disk quota is used up",
  EISDIR: "is a directory; name a file in it",
  ELOOP: "has too many symbolic links in its path",
  EMFILE: "too many open files; raise the limit of this process (ulimit -n)",
  ENAMETOOLONG: "the name is too long: temporary files add 40 bytes, and most systems allow 255; shorten it",
  ENOENT: "its directory does not exist; create it first",
  ENOSPC: "no space left on the device",
  ENOTDIR: "a part of the path is not a directory",
  EROFS: "is on a read-only file system",
  NotRegular: "is not a regular file; name a regular file or a new path"
}

/** Makes the error of a code; `detail` is for a code without a detail of its own. */
export const make = (path: string, code: string, detail = code) =>
  new StateFileError({ path, code, detail: details[code] ?? detail })

/** Makes the error of a system error. */
export const fromCause = (path: string, cause: unknown): StateFileError => {
  if (cause instanceof StateFileError) return cause
  const system = PlatformError.isPlatformError(cause) ? (cause.reason.cause ?? cause.reason) : cause
  const { code = "", message } = system as Error & { readonly code?: string }
  // Node's form: `ENXIO: no such device or address, open '/dev/x'`.
  return make(path, code, message.replaceAll(/^E[A-Z0-9]+: |, [a-z]+(?: '.*)?$/gs, ""))
}

/** The error codes of folders that this user cannot read, and of folders and file systems that cannot be synced. */
export const unsyncable: ReadonlySet<string> = new Set(["EACCES", "EINVAL", "EISDIR", "ENOTSUP", "EPERM"])
