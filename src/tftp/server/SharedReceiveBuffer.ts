/**
 * The receive buffer of a listen socket. The uploads that use its port share it, and so do requests and ACKs: what does
 * not fit is dropped, and costs each client a retransmission timeout.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Negotiation from "../protocol/Negotiation.ts"

/** The bytes of a receive buffer that the windows of uploads have reserved. */
export interface SharedReceiveBuffer {
  /** Returns the bytes that the window of one more upload may fill. */
  readonly available: () => number
  /** Reserves the bytes of a window until the result is called, or the scope closes. */
  readonly reserve: (
    window: Pick<Negotiation.Agreed, "blksize" | "windowsize">
  ) => Effect.Effect<() => void, never, Scope.Scope>
}

/** The part of the buffer for windows while there are several uploads. The rest is for requests, ACKs and lock-step. */
const windowFraction = 3 / 4

/** The part of the rest that one more upload gets. A smaller one would slow down two, a larger one the last of many. */
const shareFraction = 1 / 8

/**
 * Shares a buffer of `totalBytes`. The window of the only upload may fill it. While there are others, one more upload
 * gets a part of what is left, so that there is room for any number of them.
 */
export const make = (totalBytes: number): SharedReceiveBuffer => {
  let reservedBytes = 0
  return {
    available: () =>
      reservedBytes === 0 ? totalBytes : Math.max(0, totalBytes * windowFraction - reservedBytes) * shareFraction,
    reserve: (window) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const bytes = Negotiation.bufferedBytes(window)
          let isReserved = true
          reservedBytes += bytes
          return () => {
            if (isReserved) reservedBytes -= bytes
            isReserved = false
          }
        }),
        (release) => Effect.sync(release)
      )
  }
}
