import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as FarmSettings from "../../src/farm/FarmSettings.ts"

/** A result that any number fits, but that can be encoded only if it is not negative, as an invalid `Date` cannot. */
const Natural = Schema.Number.pipe(
  Schema.decodeTo(Schema.Number, {
    decode: SchemaGetter.passthrough(),
    encode: SchemaGetter.transform((n: number) => {
      if (n < 0) throw new RangeError("no encoded form")
      return n
    })
  })
)

describe("FarmSettings", () => {
  it.effect("compares results by their encoded forms: one without any equals no other", () =>
    Effect.gen(function* () {
      const work = { name: "n", version: 1, packet: Schema.Number, result: Natural, work: (n: number) => n }
      const { isEqual } = (yield* FarmSettings.verification({
        holdUntilConsumed: false,
        settings: { verify: 1 },
        work
      }))!
      assert.isTrue(isEqual(1, 1))
      assert.isFalse(isEqual(1, 2))
      assert.isFalse(isEqual(-1, 1))
      assert.isFalse(isEqual(-1, -1))
    })
  )
})
