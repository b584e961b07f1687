import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as CheckpointText from "../../../src/farm/checkpoint/CheckpointText.ts"
import { crc32c } from "../../../src/network/server/Crc32c.ts"

const { partChars } = CheckpointText

describe("CheckpointText", () => {
  it.each<readonly [text: string, parts: ReadonlyArray<string>]>([
    ["", []],
    ["abc", ["abc"]],
    ["abcdefg", ["abc", "def", "g"]],
    ["ab\u{1f600}cd", ["ab\u{1f600}", "cd"]],
    ["abc\u{1f600}", ["abc", "\u{1f600}"]],
    ["ab\ud83d", ["ab\ud83d"]]
  ])("splits %j after at most three characters, and not within one", (text, parts) => {
    assert.deepStrictEqual([...CheckpointText.split(text, 3)], parts)
  })

  it.prop("writes a value in parts as JSON.stringify does in one", [Schema.Json], ([value]) => {
    for (const maxChars of [1, 20, partChars]) {
      assert.strictEqual([...CheckpointText.json(value, maxChars)].join(""), JSON.stringify(value))
    }
  })

  it("writes large strings and objects in small parts", () => {
    const value = { a: ["\u{1f600}\n".repeat(1_000), undefined], b: undefined, c: { d: "e".repeat(3_000) } }
    const parts = [...CheckpointText.json(value, 100)]
    assert.strictEqual(parts.join(""), JSON.stringify(value))
    assert.isBelow(Math.max(...parts.map(({ length }) => length)), 200)
  })

  it.effect("gives other fibers a turn after each part, and after many small elements", () =>
    Effect.gen(function* () {
      const seen = { turns: 0 }
      const other = yield* Effect.forkChild(
        Effect.forever(
          Effect.andThen(
            Effect.sync(() => void seen.turns++),
            Effect.yieldNow
          )
        )
      )
      function* turns(count: number) {
        for (let at = 0; at < count; at++) yield seen.turns
      }
      const large = yield* CheckpointText.takeAll(turns(4), () => partChars)
      assert.isAtLeast(new Set(large).size, 3)
      const small = yield* CheckpointText.takeAll(turns(10_000), () => 0)
      assert.lengthOf(small, 10_000)
      assert.isAbove(new Set(small).size, 2)
      assert.isBelow(new Set(small).size, 10)
      yield* Fiber.interrupt(other)
    })
  )

  it.effect("fails with what the iterator throws", () =>
    Effect.gen(function* () {
      const oops = new Error("oops")
      function* failing() {
        yield "a"
        throw oops
      }
      assert.strictEqual(yield* Effect.flip(CheckpointText.takeAll(failing(), () => partChars)), oops)
    })
  )

  it.effect("adds up the checksum of the whole text", () =>
    Effect.gen(function* () {
      const text = "\u{1f600}\u00e9a".repeat(400_000)
      const { parts, sum } = yield* CheckpointText.takeText([
        "\u{1f600}",
        "\u00e9a",
        ...CheckpointText.split(text.slice(4))
      ])
      assert.lengthOf(parts, 4)
      assert.isTrue(parts.join("") === text)
      assert.strictEqual(Number.parseInt(sum, 16), crc32c(new TextEncoder().encode(text)))
      assert.strictEqual((yield* CheckpointText.takeText([])).sum, "00000000")
    })
  )
})
