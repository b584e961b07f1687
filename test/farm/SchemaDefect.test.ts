import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaDefect from "../../src/farm/SchemaDefect.ts"

/** A schema whose getters throw this value. */
const throwing = (thrown: unknown) => {
  const fail = SchemaGetter.transform<number, number>(() => {
    throw thrown
  })
  return Schema.Number.pipe(Schema.decodeTo(Schema.Number, { decode: fail, encode: fail }))
}

const Value = Schema.Union([Schema.Json, Schema.Undefined, Schema.Date, Schema.Symbol])

/** Returns what a function throws. */
const thrownBy = (run: () => unknown): unknown => {
  try {
    run()
  } catch (thrown) {
    return thrown
  }
  return assert.fail("nothing was thrown")
}

describe("SchemaDefect", () => {
  it.each([new RangeError("no such packet"), "a text", undefined, { code: 7 }])(
    "returns what a getter has thrown, itself: %s",
    (own) => {
      const schema = throwing(own)
      for (const run of [
        () => Schema.encodeSync(schema)(1),
        () => Schema.decodeSync(schema)(1),
        () => Schema.encodeSync(Schema.Struct({ packet: Schema.Array(schema) }))({ packet: [1] })
      ]) {
        assert.strictEqual(SchemaDefect.unwrap(thrownBy(run)), own)
      }
    }
  )

  it("leaves the error of a value that does not fit its schema", () => {
    const mismatch = thrownBy(() => Schema.decodeUnknownSync(Schema.Number)("one"))
    const unwrapped = SchemaDefect.unwrap(mismatch)
    assert.instanceOf(unwrapped, Error)
    assert.match(unwrapped.message, /number/i)
  })

  it.prop("leaves any other value, also an error with a cause", [Value], ([value]) => {
    assert.strictEqual(SchemaDefect.unwrap(value), value)
    const error = new Error("own", { cause: value })
    assert.strictEqual(SchemaDefect.unwrap(error), error)
    const wrapped = new Error("of the schema", { cause: Cause.die(error) })
    assert.strictEqual(SchemaDefect.unwrap(wrapped), error)
  })
})
