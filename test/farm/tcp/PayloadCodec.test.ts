import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as PayloadCodec from "../../../src/farm/tcp/PayloadCodec.ts"

const Values = Schema.Struct({
  number: Schema.Number,
  big: Schema.BigInt,
  date: Schema.Date,
  bytes: Schema.Uint8Array,
  text: Schema.optionalKey(Schema.String),
  list: Schema.Array(Schema.NullOr(Schema.Number))
})

const { packet } = PayloadCodec.make({ packet: Values, result: Schema.Number })

describe("PayloadCodec", () => {
  it.prop("returns the values that were sent, except for half a surrogate pair", [Values], ([value]) => {
    const bytes = Result.getOrThrow(packet.encode(value))
    const expected = value.text === undefined ? value : { ...value, text: value.text.toWellFormed() }
    assert.deepStrictEqual(Result.getOrThrow(packet.decode(bytes)), expected)
  })

  it("keeps NaN, infinity, negative zero, large integers, dates and bytes", () => {
    for (const number of [Number.NaN, Number.POSITIVE_INFINITY, -0, 2 ** 53, 5e-324]) {
      const value = { number, big: -(2n ** 200n), date: new Date(0), bytes: Uint8Array.of(0, 255), list: [null, 1] }
      const bytes = Result.getOrThrow(packet.encode(value))
      assert.deepStrictEqual(Result.getOrThrow(packet.decode(bytes)), value)
    }
  })

  it.prop("returns a value or one line for any bytes", [Schema.Uint8Array], ([bytes]) => {
    const decoded = packet.decode(bytes)
    if (Result.isFailure(decoded)) assert.match(decoded.failure, /^[^\n]{1,203}$/)
  })

  it("refuses a value that does not fit the schema, in one line", () => {
    const refused = packet.encode({ number: "1" })
    assert.match(Result.getOrThrow(Result.flip(refused)), /^[^\n]{1,203}$/)
  })
})
