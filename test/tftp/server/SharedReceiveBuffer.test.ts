import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Negotiation from "../../../src/tftp/protocol/Negotiation.ts"
import * as SharedReceiveBuffer from "../../../src/tftp/server/SharedReceiveBuffer.ts"

/** The bytes of the receive buffer of a socket of Linux with its default settings. */
const totalBytes = 425_984

describe("SharedReceiveBuffer", () => {
  it.effect("gives the only upload all of the buffer, and each other one an eighth of what is left", () =>
    Effect.gen(function* () {
      const { available, reserve } = SharedReceiveBuffer.make(totalBytes)
      const windows: Array<number> = []
      const releases: Array<() => void> = []
      for (let count = 0; count < 64; count++) {
        const windowsize = Math.min(64, Negotiation.maxBufferedBlocks(available(), 1_428))
        windows.push(windowsize)
        releases.push(yield* reserve({ blksize: 1_428, windowsize }))
      }
      assert.deepStrictEqual(windows.slice(0, 8), [64, 9, 8, 7, 6, 5, 4, 4])
      const sumOf = (some: ReadonlyArray<number>) => some.reduce((sum, windowsize) => sum + windowsize, 0)
      const bytesOf = (blocks: number) => Negotiation.bufferedBytes({ blksize: 1_428, windowsize: blocks })
      // The windows of 2 and more take three quarters; another 46 blocks in lock-step fit, too.
      assert.isBelow(bytesOf(sumOf(windows.filter((windowsize) => windowsize > 1))), (totalBytes * 3) / 4)
      assert.isBelow(bytesOf(sumOf(windows.slice(0, 52))), totalBytes)
      for (const release of releases) release()
      assert.strictEqual(available(), totalBytes)
    }).pipe(Effect.scoped)
  )

  it.effect("releases a window once, by the call or by the end of the scope", () =>
    Effect.gen(function* () {
      const { available, reserve } = SharedReceiveBuffer.make(totalBytes)
      const scope = yield* Scope.make()
      const window = { blksize: 1_428, windowsize: 64 }
      const release = yield* Scope.provide(reserve(window), scope)
      yield* reserve(window)
      const before = available()
      release()
      release()
      assert.strictEqual(available(), before + Negotiation.bufferedBytes(window) / 8)
      const during = available()
      yield* Scope.close(scope, yield* Effect.exit(Effect.void))
      assert.strictEqual(available(), during)
    }).pipe(Effect.scoped)
  )
})
