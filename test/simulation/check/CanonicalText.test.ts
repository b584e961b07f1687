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
    assert.strictEqual(of(new Set([2, 1])), of(new Set([1, 2])))
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
    assert.strictEqual(CanonicalText.of([broken]), "[[]]")
  })
})
