import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Rot13 from "../../src/rot13/Rot13.ts"

const rotate = (text: string, letters?: Rot13.Case) =>
  new TextDecoder().decode(Rot13.rotate(new TextEncoder().encode(text), letters))

const Case = Schema.Literals(["both", "lower"])

describe("Rot13", () => {
  it.effect.each([
    ["Hello, World!", "both", "Uryyb, Jbeyq!"],
    ["Hello", "lower", "Hryyb"],
    ["azAZ09 \t\n", "both", "nmNM09 \t\n"],
    ["azAZ", "lower", "nmAZ"],
    ["naïve Ärger 日本", "both", "anïir Äetre 日本"]
  ] as const)("rotate(%s, %s) returns %s", ([text, letters, answer]) =>
    Effect.sync(() => assert.strictEqual(rotate(text, letters), answer))
  )

  it.effect.prop("rotate is its own inverse for any bytes", [Schema.Uint8Array, Case], ([bytes, letters]) =>
    Effect.sync(() => {
      const twice = Rot13.rotate(Rot13.rotate(Uint8Array.from(bytes), letters), letters)
      assert.deepStrictEqual(twice, Uint8Array.from(bytes))
    })
  )

  it("rotate changes exactly the given range, at any alignment", () => {
    const plain = Uint8Array.from({ length: 300 }, (_, i) => 0x41 + (i % 58))
    const whole = Rot13.rotate(Uint8Array.from(plain))
    for (let from = 0; from < 8; from++) {
      for (let to = from; to < from + 70; to++) {
        const part = Uint8Array.from(plain)
        Rot13.rotate(part.subarray(from, to))
        assert.deepStrictEqual(part.subarray(from, to), whole.subarray(from, to))
        assert.deepStrictEqual(part.subarray(to), plain.subarray(to))
        assert.deepStrictEqual(part.subarray(0, from), plain.subarray(0, from))
      }
    }
  })

  it.effect.prop(
    "rotate changes a byte by 13 if it is a letter of the case, else not at all",
    [Schema.Uint8Array, Case],
    ([bytes, letters]) =>
      Effect.sync(() => {
        const turns = letters === "both" ? /[A-Za-z]/ : /[a-z]/
        const rotated = Rot13.rotate(Uint8Array.from(bytes), letters)
        bytes.forEach((byte, i) => {
          const letter = byte < 0x80 && turns.test(String.fromCharCode(byte))
          assert.strictEqual(Math.abs(rotated[i]! - byte), letter ? 13 : 0)
        })
      })
  )
})
