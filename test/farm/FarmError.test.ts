import { assert, describe, it } from "@effect/vitest"
import * as Data from "effect/Data"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as FarmError from "../../src/farm/FarmError.ts"

const attempt = { worker: "thread 1", kind: "Threw", message: "no 42" } as const

const reasons: ReadonlyArray<FarmError.Reason> = [
  new FarmError.InvalidOptions({ message: "invalid threads 0" }),
  new FarmError.ModuleLoadFailed({ module: "job.ts", detail: "no such file" }),
  new FarmError.WrongJob({ worker: "thread 1", has: "odd 1", wanted: "odd 2" }),
  new FarmError.NoWorkers({ causes: ["thread 1: exited", "thread 2: exited"] }),
  new FarmError.PoisonPacket({ id: 7, packet: { from: 0, to: 1 }, attempts: [attempt] }),
  new FarmError.SplitFailed({ id: 0, cause: new TypeError("oops") }),
  new FarmError.MergeFailed({ id: 7, packet: { from: 0, to: 1 }, cause: "oops" }),
  new FarmError.CheckpointFailed({ path: "run", detail: "permission denied" })
]

class Flaky extends Data.TaggedError("Flaky")<{ readonly at: number }> {}

class Unreachable extends Schema.TaggedError<Unreachable>()("Unreachable", { host: Schema.String }) {}

const refuse = () => {
  throw new Error("refused")
}

const revokedProxy = () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

const encodeText = Schema.encodeSync(Schema.toCodecJson(FarmError.ErrorText))
const decodeText = Schema.decodeUnknownSync(Schema.toCodecJson(FarmError.ErrorText))

const json = Schema.toCodecJson(FarmError.FarmError)

describe("FarmError", () => {
  it.each(reasons)("keeps its reason and message as JSON: $_tag", (reason) => {
    const error = new FarmError.FarmError({ reason })
    const text = JSON.stringify(Schema.encodeSync(json)(error))
    const copy = Schema.decodeSync(json)(JSON.parse(text))
    assert.instanceOf(copy, FarmError.FarmError)
    assert.strictEqual(copy.reason.constructor, reason.constructor)
    assert.strictEqual(copy.message, error.message)
    assert.deepStrictEqual(JSON.stringify(Schema.encodeSync(json)(copy)), text)
  })

  it("names a packet that JSON cannot hold, or a large buffer, in few characters", () => {
    const messageOf = (packet: unknown) => new FarmError.PoisonPacket({ id: 7, packet, attempts: [attempt] }).message
    const ring: Record<string, unknown> = {}
    ring.self = ring
    assert.strictEqual(messageOf(ring), "packet 7 [object Object] failed once: thread 1: no 42")
    const buffers = { pixels: new Uint8Array(3), node: Buffer.alloc(2), raw: new ArrayBuffer(1), n: 1n }
    assert.strictEqual(
      messageOf(buffers),
      'packet 7 {"pixels":"Uint8Array(3 bytes)","node":"Buffer(2 bytes)","raw":"ArrayBuffer(1 bytes)","n":"1"} ' +
        "failed once: thread 1: no 42"
    )
    assert.strictEqual(messageOf(undefined), "packet 7 undefined failed once: thread 1: no 42")
  })

  it("has a code that JSON has no number for as text, which a farm on another machine can read", () => {
    for (const [code, expected] of [
      [Number.NaN, "NaN"],
      [Number.NEGATIVE_INFINITY, "-Infinity"],
      [42, 42]
    ] as const) {
      assert.strictEqual(FarmError.errorText(Object.assign(new Error("no"), { code })).code, expected)
    }
  })

  it.each([
    [new Flaky({ at: 3 }), "Flaky", 'Flaky {"at":3}', { at: 3 }],
    [new Unreachable({ host: "lab1" }), "Unreachable", 'Unreachable {"host":"lab1"}', { host: "lab1" }],
    [{ _tag: "Late", by: 2n }, "Late", 'Late {"by":"2"}', { by: "2" }],
    [{ at: Number.NaN, key: Redacted.make("secret") }, "Error", '{"at":"NaN","key":"<redacted>"}', undefined],
    [new Error(), "Error", "Error", undefined],
    [Object.assign(new RangeError("too far"), { at: 3 }), "RangeError", "too far", { at: 3 }],
    [[], "Error", "an error without a message", undefined],
    ["", "Error", "an empty text", undefined]
  ])("has the tag and the fields of an error without a message: %o", (thrown, name, message, fields) => {
    const text = FarmError.errorText(thrown)
    assert.deepInclude(text, { name, message })
    if (fields !== undefined) assert.deepStrictEqual(text.fields, fields)
  })

  it("has fields that fit, of which some are rings, throw, or are too large", () => {
    const thrown: Record<string, unknown> = {
      list: Array.from({ length: 10_000 }, () => "word"),
      pixels: new Uint8Array(10_000),
      cause: "none",
      get broken() {
        throw new Error("no")
      },
      inner: new RangeError("too far"),
      late: new Date(0)
    }
    thrown.self = thrown
    assert.deepStrictEqual(FarmError.errorText(thrown).fields, {
      pixels: "Uint8Array(10000 bytes)",
      inner: "RangeError: too far",
      late: "1970-01-01T00:00:00.000Z",
      self: "[Circular]"
    })
  })

  it("names the cause of a split by its fields", () => {
    const { message } = new FarmError.SplitFailed({ id: 2, cause: new Flaky({ at: 3 }) })
    assert.strictEqual(message, 'cannot split off packet 2: Flaky {"at":3}')
  })

  const assertTotal = (thrown: unknown) => {
    const text = FarmError.errorText(thrown)
    assert.isNotEmpty(text.message)
    assert.isAtMost(JSON.stringify(text.fields ?? {}).length, 20_000)
    const json = JSON.stringify(encodeText(text))
    assert.strictEqual(JSON.stringify(encodeText(decodeText(JSON.parse(json)))), json)
  }

  it.prop(
    "is a bounded text of JSON with a message, whatever is thrown",
    [Schema.Unknown, Schema.Record(Schema.String, Schema.Union([Schema.Unknown, Schema.BigInt, Schema.Date]))],
    ([thrown, fields]) => {
      assertTotal(thrown)
      assertTotal(fields)
      assertTotal(Object.assign(new Error(), fields))
    }
  )

  it("is a text also of values that refuse to be read", () => {
    const hostileProxy = new Proxy({}, { get: refuse, getPrototypeOf: refuse, ownKeys: refuse })
    const hostileText = { toJSON: refuse, toString: refuse, inner: { toJSON: refuse } }
    for (const thrown of [revokedProxy(), hostileProxy, hostileText, Symbol("a"), refuse, new Uint8Array(1e6)]) {
      assertTotal(thrown)
      assertTotal(Object.assign(new Error(), { thrown }))
    }
  })
})
