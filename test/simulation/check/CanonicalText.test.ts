import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as CanonicalText from "../../../src/simulation/check/CanonicalText.ts"

class Lost extends Data.TaggedError("Lost")<{ readonly count: number }> {}

const reversed = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, one]) => [key, reversed(one)])
  )
}

describe("CanonicalText", () => {
  it.effect.prop("does not depend on the order of keys", [Schema.Json], ([value]) =>
    Effect.sync(() => assert.strictEqual(CanonicalText.of(reversed(value)), CanonicalText.of(value)))
  )

  it.effect.prop("differs for different JSON values", [Schema.Json, Schema.Json], ([one, other]) =>
    Effect.sync(() => {
      const isSame = CanonicalText.of(one) === CanonicalText.of(other)
      let isEqual = true
      try {
        assert.deepStrictEqual(one, other)
      } catch {
        isEqual = false
      }
      assert.strictEqual(isSame, isEqual)
    })
  )

  it("formats values of effect by their content, and errors without their stack", () => {
    const of = (value: unknown) => CanonicalText.of(value)
    assert.strictEqual(of(Option.some(1)), of(Option.some(1)))
    assert.notStrictEqual(of(Option.some(1)), of(Option.none()))
    assert.strictEqual(of(new Lost({ count: 1 })), of(new Lost({ count: 1 })))
    assert.notStrictEqual(of(new Lost({ count: 1 })), of(new Lost({ count: 2 })))
    assert.notStrictEqual(of(new Error("a")), of(new Error("b")))
    assert.notStrictEqual(of(Exit.fail("a")), of(Exit.die("a")))
    assert.notStrictEqual(of(new Map([["a", 1]])), of(new Map([["a", 2]])))
    assert.notStrictEqual(of(new Set([2, 1])), of(new Set([1, 2])))
    assert.notStrictEqual(of(Uint8Array.of(1)), of(Uint8Array.of(2)))
  })

  it("leaves out identities that differ in each run", () => {
    const text = (id: number) => CanonicalText.of(Exit.failCause(Cause.interrupt(id)))
    assert.strictEqual(text(1), text(2))
    const services = () => ({ run: () => Math.PI, program: Effect.sync(() => 1), fiber: Effect.runFork(Effect.void) })
    assert.strictEqual(CanonicalText.of(services()), CanonicalText.of(services()))
  })

  it("ends for circular values and for getters that throw", () => {
    const circular: { self?: unknown } = {}
    circular.self = circular
    assert.strictEqual(CanonicalText.of(circular), '{"self":[Circular]}')
    const broken = Object.defineProperty({}, "x", {
      enumerable: true,
      get: () => {
        throw new Error("broken")
      }
    })
    assert.strictEqual(CanonicalText.of([broken]), '[{"x":[throws Error{"message":"broken","name":"Error"}]}]')
    const forbidden = new Proxy(
      {},
      {
        getPrototypeOf: () => {
          throw new Error("forbidden")
        }
      }
    )
    assert.strictEqual(CanonicalText.of([forbidden]), "[[unreadable]]")
  })

  const nested = (value: unknown, levels: number) => {
    let outer = value
    for (let i = 0; i < levels; i++) outer = { outer }
    return outer
  }
  const many = (last: number) => Array.from({ length: 100_100 }, (_, i) => ({ i: i === 100_099 ? last : i }))
  const key = Symbol("key")

  it.each<readonly [string, unknown, unknown]>([
    ["deep values", nested(1, 20), nested(2, 20)],
    ["very deep values", nested(1, 20_000), nested(2, 20_000)],
    ["late entries", many(1), many(2)],
    ["buffers", Uint8Array.of(1).buffer, Uint8Array.of(2).buffer],
    ["kinds of arrays", Uint8Array.of(1, 0), Uint16Array.of(1)],
    ["headers", new Headers({ a: "1" }), new Headers({ a: "2" })],
    ["search parameters", new URLSearchParams("a=1"), new URLSearchParams("a=2")],
    ["boxed numbers", Object(1), Object(2)],
    ["boxed texts", Object("a"), Object("b")],
    ["errors of an AggregateError", new AggregateError([1], "x"), new AggregateError([2], "x")],
    ["symbol keys", { [key]: 1 }, { [key]: 2 }],
    ["keys that look internal", { stack: 1, "~x": 1 }, { stack: 1, "~x": 2 }],
    ["a key stack", { stack: 1 }, { stack: 2 }],
    ["other keys of arrays", Object.assign([1], { x: 1 }), Object.assign([1], { x: 2 })],
    // biome-ignore lint/suspicious/noSparseArray: a hole is what is tested.
    ["holes", [1, , 2], [1, undefined, 2]],
    [
      "the order of a map",
      new Map([
        [1, 1],
        [2, 2]
      ]),
      new Map([
        [2, 2],
        [1, 1]
      ])
    ],
    ["causes", new Error("a", { cause: 1 }), new Error("a", { cause: 2 })]
  ])("differs for different %s", (_, one, other) => {
    assert.notStrictEqual(CanonicalText.of(one), CanonicalText.of(other))
    assert.strictEqual(CanonicalText.of(one), CanonicalText.of(one))
  })

  it("says that the bytes of a blob are not compared", () => {
    assert.strictEqual(CanonicalText.of(new Blob(["abc"])), "[Blob of 3 bytes, which are not compared]")
  })

  it("describes errors that JSON cannot hold", () => {
    const circular: { self?: unknown } = {}
    circular.self = circular
    const failing = {
      toJSON: () => {
        throw new Error("no")
      }
    }
    const unreadable = Object.defineProperty(new Error("x"), "message", {
      get: () => {
        throw new Error("no")
      }
    })
    const describeError = (error: unknown) => CanonicalText.describeError(error, "failed with")
    assert.strictEqual(describeError({ a: 1n }), 'failed with {"a":1n}')
    assert.strictEqual(describeError(circular), 'failed with {"self":[Circular]}')
    assert.strictEqual(describeError(failing), 'failed with {"toJSON":[Function]}')
    assert.match(describeError(unreadable), /^failed with Error\{"message":\[throws /)
    assert.strictEqual(describeError(new RangeError("x")), "RangeError: x")
  })
})
