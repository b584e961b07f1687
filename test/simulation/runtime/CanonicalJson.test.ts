import { assert, describe, it } from "@effect/vitest"
import * as CanonicalJson from "../../../src/simulation/runtime/CanonicalJson.ts"

const nested = (value: unknown, levels: number) => {
  let outer = value
  for (let i = 0; i < levels; i++) outer = { outer }
  return outer
}

const throwing = (text: string) =>
  Object.defineProperty({}, "x", {
    enumerable: true,
    get: () => {
      throw new Error(text)
    }
  })

const key = Symbol("key")

describe("CanonicalJson", () => {
  it("does not depend on the order of keys", () => {
    assert.strictEqual(CanonicalJson.format({ b: 1, a: [2, undefined] }), '{"a":[2,null],"b":1}')
    assert.strictEqual(CanonicalJson.format(new Map([[1, { b: 1, a: 2 }]])), '{"map":[[1,{"a":2,"b":1}]]}')
  })

  it.each<readonly [string, unknown, unknown]>([
    ["deep values", nested(1, 50), nested(2, 50)],
    ["buffers", { x: Uint8Array.of(1).buffer }, { x: Uint8Array.of(2).buffer }],
    ["kinds of arrays", Uint8Array.of(1, 0), Uint16Array.of(1)],
    ["headers", new Headers({ a: "1" }), new Headers({ a: "2" })],
    ["boxed numbers", Object(1), Object(2)],
    ["errors of an AggregateError", new AggregateError([1], "x"), new AggregateError([2], "x")],
    ["symbol keys", { [key]: 1 }, { [key]: 2 }],
    ["other keys of arrays", Object.assign([1], { x: 1 }), Object.assign([1], { x: 2 })],
    ["throwing getters", throwing("a"), throwing("b")],
    ["the order of a set", new Set([1, 2]), new Set([2, 1])]
  ])("differs for different %s", (_, one, other) => {
    assert.notStrictEqual(CanonicalJson.format(one), CanonicalJson.format(other))
    assert.strictEqual(CanonicalJson.format(one), CanonicalJson.format(one))
  })
})
