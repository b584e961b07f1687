import { assert, describe, it } from "@effect/vitest"
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
})
