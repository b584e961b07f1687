import { assert, describe, it } from "@effect/vitest"
import * as Bytes from "effect/Bytes"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as PayloadCodec from "../../../../src/farm/tcp/wire/PayloadCodec.ts"

const Values = Schema.Struct({
  number: Schema.Number,
  big: Schema.BigInt,
  date: Schema.Date,
  bytes: Schema.Uint8Array,
  text: Schema.optionalKey(Schema.String),
  list: Schema.Array(Schema.NullOr(Schema.Number))
})

const { packet } = PayloadCodec.make({ packet: Values, result: Schema.Number })

const bytesOf = (encoded: Result.Result<ReadonlyArray<Uint8Array>, string>) => Bytes.concat(Result.getOrThrow(encoded))

describe("PayloadCodec", () => {
  it.prop("returns the values that were sent, except for half a surrogate pair", [Values], ([value]) => {
    const bytes = bytesOf(packet.encode(value))
    const expected = value.text === undefined ? value : { ...value, text: value.text.toWellFormed() }
    assert.deepStrictEqual(Result.getOrThrow(packet.decode(bytes)), expected)
  })

  it("keeps NaN, infinity, negative zero, large integers, dates and bytes", () => {
    for (const number of [Number.NaN, Number.POSITIVE_INFINITY, -0, 2 ** 53, 5e-324]) {
      const value = { number, big: -(2n ** 200n), date: new Date(0), bytes: Uint8Array.of(0, 255), list: [null, 1] }
      const bytes = bytesOf(packet.encode(value))
      assert.deepStrictEqual(Result.getOrThrow(packet.decode(bytes)), value)
    }
  })

  it.prop("returns a value or one line for any bytes", [Schema.Uint8Array], ([bytes]) => {
    const decoded = packet.decode(bytes)
    if (Result.isFailure(decoded)) assert.match(decoded.failure, /^[^\n]{1,203}$/)
  })

  it("keeps long bytes wherever the schema has them, in memory of their own", () => {
    const Inner = Schema.Struct({ left: Schema.Uint8Array, right: Schema.Uint8Array, label: Schema.String })
    const Nested = Schema.Struct({ inner: Inner, all: Schema.Array(Schema.Uint8Array), own: Schema.Uint8Array })
    const { packet, result } = PayloadCodec.make({ packet: Nested, result: Schema.Uint8Array })
    const ofBytes = (length: number) => Uint8Array.from({ length }, (_, at) => (at + length) % 251)
    for (const [left, right, own] of [
      [10, 5_000, 4_096],
      [5_000, 4_095, 0],
      [100_000, 100_001, 100_002]
    ] as const) {
      const inner = { left: ofBytes(left), right: ofBytes(right), label: "x" }
      const value = { inner, all: [ofBytes(6_000)], own: ofBytes(own) }
      const bytes = bytesOf(packet.encode(value))
      const decoded = Result.getOrThrow(packet.decode(bytes)) as typeof Nested.Type
      assert.deepStrictEqual(decoded, value)
      for (const part of [decoded.inner.left, decoded.inner.right, decoded.own, decoded.all[0]!]) {
        assert.strictEqual(part.buffer.byteLength, part.length)
      }
      const image = bytesOf(result.encode(Buffer.from(value.own)))
      assert.deepStrictEqual(Result.getOrThrow(result.decode(image)), value.own)
    }
  })

  it.prop(
    "returns a value or one line for long bytes that are altered",
    [Schema.Natural, Schema.Natural],
    ([at, by]) => {
      const { packet } = PayloadCodec.make({ packet: Values, result: Schema.Number })
      const value = { number: 1, big: 1n, date: new Date(0), bytes: new Uint8Array(5_000), list: [] }
      const bytes = bytesOf(packet.encode(value))
      bytes[at % 40]! ^= 1 + (by % 255)
      const decoded = packet.decode(bytes)
      if (Result.isFailure(decoded)) assert.match(decoded.failure, /^[^\n]{1,203}$/)
    }
  )

  it("sends bytes as they were when they were encoded, also those of shared memory", () => {
    const { packet } = PayloadCodec.make({ packet: Schema.Struct({ data: Schema.Uint8Array }), result: Schema.Number })
    const data = new Uint8Array(new SharedArrayBuffer(5_000)).fill(1)
    const encoded = packet.encode({ data })
    data.fill(2)
    const decoded = Result.getOrThrow(packet.decode(bytesOf(encoded)))
    assert.deepStrictEqual(decoded, { data: new Uint8Array(5_000).fill(1) })
  })

  it("refuses bytes for a property that the schema does not have", () => {
    const { packet } = PayloadCodec.make({ packet: Schema.Struct({ data: Schema.Uint8Array }), result: Schema.Number })
    const bytes = bytesOf(packet.encode({ data: new Uint8Array(5_000) }))
    assert.deepStrictEqual([...bytes.subarray(0, 6)], [1, 0, 0, 0, 19, 136])
    const refused = packet.decode(bytes.with(1, 1))
    assert.strictEqual(Result.getOrThrow(Result.flip(refused)), "its table of bytes does not fit the schema")
  })

  it("refuses a value that does not fit the schema, in one line", () => {
    const refused = packet.encode({ number: "1" })
    assert.match(Result.getOrThrow(Result.flip(refused)), /^[^\n]{1,203}$/)
  })
})
