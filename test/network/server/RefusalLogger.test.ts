import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as Monotonic from "../../../src/network/Monotonic.ts"
import * as RefusalLogger from "../../../src/network/server/RefusalLogger.ts"

/** Makes a log, and the lines that it writes. */
const open = Effect.gen(function* () {
  const lines: Array<string> = []
  const logger = yield* RefusalLogger.make<"Busy" | "NoDescriptors">({
    now: yield* Monotonic.millis,
    write: ({ level, reason, text }) => Effect.sync(() => void lines.push(`${level} ${reason} ${text}`))
  })
  return { lines, ...logger }
})

describe("RefusalLogger", () => {
  it.effect("writes the first refusal of each reason at once, and the others a minute after it", () =>
    Effect.gen(function* () {
      const { lines, note, reasons } = yield* open
      for (const detail of ["a", "b", "c"]) note("Busy", detail)
      assert.deepStrictEqual(lines.splice(0), ["Warn Busy 1 connection refused: a"])
      yield* TestClock.adjust("20 seconds")
      note("NoDescriptors", "no files")
      note("NoDescriptors", "none")
      assert.deepStrictEqual(lines.splice(0), ["Warn NoDescriptors 1 connection refused: no files"])
      yield* TestClock.adjust("39 seconds")
      assert.deepStrictEqual(lines, [])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(lines.splice(0), ["Warn Busy 2 connections refused in the last minute: c"])
      yield* TestClock.adjust("20 seconds")
      assert.deepStrictEqual(lines.splice(0), ["Warn NoDescriptors 1 connection refused in the last minute: none"])
      yield* TestClock.adjust("1 minute")
      assert.lengthOf(lines.splice(0), 1)
      assert.strictEqual(reasons.size, 0)
      // It begins anew.
      note("Busy", "d")
      note("Busy", "e")
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(lines, [
        "Warn Busy 1 connection refused: d",
        "Warn Busy 1 connection refused in the last minute: e"
      ])
    })
  )

  it.effect("writes the refusals that wait when its scope closes, once", () =>
    Effect.gen(function* () {
      const { lines } = yield* Effect.scoped(
        Effect.tap(open, ({ note }) =>
          Effect.sync(() => ["a", "b", "c"].forEach((detail) => void note("Busy", detail)))
        )
      )
      const written = [
        "Warn Busy 1 connection refused: a",
        "Warn Busy 2 connections refused since the last such line: c"
      ]
      assert.deepStrictEqual(lines, written)
      yield* TestClock.adjust("5 minutes")
      assert.deepStrictEqual(lines, written)
    })
  )
})
