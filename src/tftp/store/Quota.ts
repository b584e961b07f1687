/** The accounting of a store's size limits: stored bytes and bytes of uploads in progress. */
import * as Result from "effect/Result"
import { TooLarge } from "./FileStoreError.ts"

/** Limits in bytes. @category models @since 0.1.0 */
export interface Limits {
  /** The size of one file. Default: no limit. */
  readonly file?: number | undefined
  /** The size of all files; an upload counts beside the file it replaces. Default: no limit. */
  readonly total?: number | undefined
}

/** The part of the quota reserved for one upload. @category models @since 0.1.0 */
export interface Share {
  /** Reserves `bytes` more. */
  readonly grow: (bytes: number) => Result.Result<void, TooLarge>
  /** Returns the bytes announced but not yet received. */
  readonly pendingBytes: () => number
  /** Ends the upload; `stored` is the change of the stored bytes, new minus replaced. */
  readonly end: (stored: number) => void
}

/** The quota of one store. @category models @since 0.1.0 */
export interface Quota {
  /** Starts an upload of the announced size; fails at once if it exceeds a limit. */
  readonly begin: (announced: number | undefined) => Result.Result<Share, TooLarge>
  /** Returns true if no upload is in progress: the stored bytes can then be counted again. */
  readonly isIdle: () => boolean
  /** Sets the stored bytes. */
  readonly setStoredBytes: (bytes: number) => void
  /** Returns the bytes that all uploads have announced but not yet sent. */
  readonly pendingBytes: () => number
}

/** Makes a quota with no stored bytes. @category constructors @since 0.1.0 */
export const make = ({ file = Number.POSITIVE_INFINITY, total = Number.POSITIVE_INFINITY }: Limits = {}): Quota => {
  let storedBytes = 0
  let reservedBytes = 0
  const shares = new Set<Share>()
  const begin = (announced = 0): Result.Result<Share, TooLarge> => {
    let ownBytes = 0
    let writtenBytes = 0
    const reserve = (bytes: number): Result.Result<void, TooLarge> => {
      const left = Math.max(0, total - storedBytes - reservedBytes + ownBytes)
      if (bytes > file && file <= left) return Result.fail(new TooLarge({ limit: file, of: "File" }))
      if (bytes > left) return Result.fail(new TooLarge({ limit: left, of: "Total" }))
      if (bytes > ownBytes) {
        reservedBytes += bytes - ownBytes
        ownBytes = bytes
      }
      return Result.succeed(undefined)
    }
    const self: Share = {
      grow: (bytes) => {
        const taken = reserve(writtenBytes + bytes)
        if (Result.isSuccess(taken)) writtenBytes += bytes
        return taken
      },
      pendingBytes: () => ownBytes - writtenBytes,
      end: (stored) => {
        if (!shares.delete(self)) return
        reservedBytes -= ownBytes
        storedBytes += stored
      }
    }
    const taken = reserve(announced)
    if (Result.isFailure(taken)) return Result.fail(taken.failure)
    shares.add(self)
    return Result.succeed(self)
  }
  return {
    begin,
    isIdle: () => shares.size === 0,
    setStoredBytes: (bytes) => {
      storedBytes = bytes
    },
    pendingBytes: () => Array.from(shares).reduce((sum, share) => sum + share.pendingBytes(), 0)
  }
}
