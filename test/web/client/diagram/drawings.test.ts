import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Columns from "../../../../src/web/client/diagram/Columns.ts"
import * as Fate from "../../../../src/web/client/diagram/Fate.ts"
import { beginningOf, labelOf, widthOf, wrapText } from "../../../../src/web/client/diagram/LabelText.ts"

const Width = Schema.Int.check(Schema.isBetween({ minimum: 240, maximum: 2_000 }))
const Hosts = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 8 }))
const Chars = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 }))

const lengthOf = (text: string) => Array.from(text).length

describe("Columns", () => {
  it.effect.prop("are within the diagram, from left to right", [Hosts, Width], ([hosts, width]) =>
    Effect.sync(() => {
      const { hostPixels, notePixels, timePixels } = Columns.make(hosts, width)
      assert.strictEqual(hostPixels.length, hosts)
      assert.isAtLeast(hostPixels[0]! - notePixels, timePixels - 1)
      assert.isAtMost(hostPixels.at(-1)! + notePixels, width + 1)
      for (const [at, x] of hostPixels.entries()) if (at > 0) assert.isAbove(x - hostPixels[at - 1]!, 20)
    })
  )

  it("leave room for notes beside two hosts of a wide diagram only", () => {
    assert.isAbove(Columns.make(2, 800).notePixels, 0)
    assert.strictEqual(Columns.make(2, 500).notePixels, 0)
    assert.strictEqual(Columns.make(3, 1_200).notePixels, 0)
    assert.strictEqual(Columns.make(2, 800, { hasNotes: false }).notePixels, 0)
  })

  it("do not spread over a very wide diagram", () => {
    const [first, second] = Columns.make(2, 4_000, { hasNotes: false }).hostPixels
    assert.isAtMost(second! - first!, 600)
    assert.approximately((first! + second!) / 2, 2_000, 60)
  })

  it("leave out the times of a narrow diagram", () => {
    assert.strictEqual(Columns.make(2, 320).timePixels, 0)
    assert.isAbove(Columns.make(2, 640).timePixels, 0)
  })
})

describe("Line", () => {
  it("has its packet at its start, on its way, and at its end", () => {
    const line = Columns.lineBetween([100, 300], [10, 50], 1)
    assert.deepStrictEqual(Columns.pointAt(line, 10), { x: 100, y: 10 })
    assert.deepStrictEqual(Columns.pointAt(line, 30), { x: 200, y: 30 })
    assert.deepStrictEqual(Columns.pointAt(line, 99), { x: 300, y: 50 })
  })

  it("of a lost packet ends on its way", () => {
    assert.strictEqual(Columns.lineBetween([300, 100], [0, 40], 0.5).x2, 200)
  })

  it("has its packet at its end if it is level", () => {
    assert.strictEqual(Columns.pointAt(Columns.lineBetween([0, 100], [7, 7], 1), 7).x, 100)
  })
})

describe("LabelText", () => {
  const data = { label: "DATA block 3, 512 bytes", kind: "DATA" }

  it("takes the longest form of a label that fits", () => {
    const of = (pixels: number) => labelOf(data, "", pixels)
    assert.strictEqual(of(400), "DATA block 3, 512 bytes")
    assert.strictEqual(of(100), "DATA block 3")
    assert.strictEqual(of(65), "DATA bloc…")
    assert.strictEqual(of(40), "DATA")
    assert.strictEqual(of(15), "D…")
  })

  it("takes a short form where labels are crowded", () => {
    assert.strictEqual(labelOf(data, "", 400, true), "DATA block 3")
  })

  it("does not cut at a comma within quotes", () => {
    const request = { label: 'request "Hello, server!", 15 bytes', kind: "REQUEST" }
    assert.strictEqual(labelOf(request, "", 400, true), 'request "Hello, server!"')
    assert.strictEqual(labelOf({ label: '"open, and', kind: "" }, "", 400, true), '"open, and')
  })

  it("keeps room for the outcome of a packet", () => {
    assert.strictEqual(labelOf(data, "", 90), "DATA block 3")
    assert.strictEqual(labelOf(data, "lost", 90), "DATA")
  })

  it.effect.prop("fits into any width, also without a kind", [Schema.String, Width], ([text, width]) =>
    Effect.sync(() => {
      assert.isAtMost(widthOf(labelOf({ label: text, kind: "" }, "", width)), width)
      assert.isAtMost(widthOf(beginningOf(text, width)), width)
    })
  )

  it.effect.prop("wraps into lines that are not wider than asked", [Schema.String, Chars], ([text, chars]) =>
    Effect.sync(() => {
      const lines = wrapText(text, chars, 3)
      assert.isAtMost(lines.length, 3)
      for (const line of lines) assert.isAtMost(lengthOf(line), Math.max(1, chars))
    })
  )

  it("wraps at blanks, and cuts what is too long", () => {
    assert.deepStrictEqual(wrapText("timeout: DATA 3 is sent again", 16, 3), ["timeout: DATA 3", "is sent again"])
    assert.deepStrictEqual(wrapText("one two three four", 5, 2), ["one", "two …"])
  })
})

describe("Fate", () => {
  const of = (fault: string | undefined, lost = false) => Fate.of({ lost, ...(fault !== undefined && { fault }) })

  it("is that of the first known fault", () => {
    assert.strictEqual(of(undefined), "arrived")
    assert.strictEqual(of("drop", true), "lost")
    assert.strictEqual(of("duplicate, reorder"), "duplicate")
    assert.strictEqual(of("delay 5ms"), "late")
    assert.strictEqual(of("corrupt"), "changed")
  })

  it("is arrival for an unknown fault, also one that is the name of a property of all objects", () => {
    assert.strictEqual(of("constructor"), "arrived")
    assert.strictEqual(of("a word of a peer"), "arrived")
  })
})
