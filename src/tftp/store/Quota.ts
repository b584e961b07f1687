/** How much may be written: counts what is there and what is on its way. Pure, but for its own counters. */
import * as Result from "effect/Result"
import { TooLarge } from "./FileStoreError.ts"

/** Most bytes. @category models @since 0.1.0 */
export interface Limits {
  /** In one file. Default: no limit. */
  readonly file?: number | undefined
  /** In all files of the store together, those on their way counted beside those they replace. Default: no limit. */
  readonly total?: number | undefined
}

/** One upload's share. @category models @since 0.1.0 */
export interface Share {
  /** Takes `bytes` more. */
  readonly grow: (bytes: number) => Result.Result<void, TooLarge>
  /** What was announced and has not come yet, in bytes. */
  readonly pendingBytes: () => number
  /** The upload is over; as much as it left behind more than was there before counts as stored. */
  readonly end: (stored: number) => void
}

/** @category models @since 0.1.0 */
export interface Quota {
  /** Starts an upload of the announced size; refused at once if that is too much. */
  readonly begin: (announced: number | undefined) => Result.Result<Share, TooLarge>
  /** Nothing is on its way: the time to count again. */
  readonly isIdle: () => boolean
  /** Sets what is stored, in bytes. */
  readonly setStoredBytes: (bytes: number) => void
  /** What all uploads have announced and not sent yet, in bytes. */
  readonly pendingBytes: () => number
}

/** @category constructors @since 0.1.0 */
export const make = ({ file = Number.POSITIVE_INFINITY, total = Number.POSITIVE_INFINITY }: Limits = {}): Quota => {
  let storedBytes = 0
  let reservedBytes = 0
  const shares = new Set<Share>()
  const begin = (announced = 0): Result.Result<Share, TooLarge> => {
    let ownBytes = 0
    let writtenBytes = 0
    const reserve = (bytes: number): Result.Result<void, TooLarge> => {
      const limit = Math.min(file, Math.max(0, total - storedBytes - reservedBytes + ownBytes))
      if (bytes > limit) return Result.fail(new TooLarge({ limit }))
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
