import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Grid from "../../src/board/Grid.ts"
import { Told } from "../../src/board/Message.ts"
import * as Reply from "../../src/board/Reply.ts"

const Width = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 18 }))

describe("Reply", () => {
  it.prop(
    "what is sent is read again",
    [Reply.Reply, Width],
    ([reply, width]) => {
      const line = Reply.text(reply, width)
      assert.match(line, /^[a-z]+[ -~]*$/)
      assert.deepStrictEqual(Reply.parse(line), Option.some(reply))
    },
    { arbitrary: { runs: 1_000 } }
  )

  it("the largest numbers are read, too", () => {
    const most = Number.MAX_SAFE_INTEGER
    const reply = { _tag: "Claimed", x: 25, y: 25, by: most, change: most } as const
    assert.deepStrictEqual(Reply.parse(Reply.text(reply)), Option.some(reply))
    const row = { _tag: "Row", y: 25, owners: Array.from({ length: Grid.maxSize }, () => most) } as const
    assert.deepStrictEqual(Reply.parse(Reply.text(row)), Option.some(row))
    // A client's reader of lines allows 1,024 bytes.
    assert.isBelow(Reply.text(row).length, 1_024)
  })

  it.prop(
    "whatever else is read is nothing, or is what it says",
    [Schema.String, Reply.Reply],
    ([text, reply]) => {
      const line = Reply.text(reply)
      for (const other of [text, `${line}${text}`, `${text}${line}`, line.slice(0, -1), line.toUpperCase()]) {
        const found = Reply.parse(other)
        if (Option.isSome(found)) {
          assert.isTrue(Schema.is(Reply.Reply)(found.value))
          assert.deepStrictEqual(Reply.parse(Reply.text(found.value)), found)
        }
      }
    },
    { arbitrary: { runs: 500 } }
  )

  it.each([
    "",
    "claimed",
    "claimed 1 2 by 3",
    "claimed 1 2 by 3 change 4 5",
    "claimed 26 2 by 3 change 4",
    "claimed 1 2 by 99999999999999999999 change 4",
    "claimed 1 2 by 9999999999999999 change 4",
    "seen occupied 1 2 by 3",
    "seen seen claimed 1 2 by 3 change 4",
    "row 1",
    "row",
    "row x . .",
    "row 1 . -1",
    "error",
    "error nonsense: what",
    "error usage: caf\u00e9",
    "help: ",
    "\u0000"
  ])("%j is no reply", (line) => {
    assert.deepStrictEqual(Reply.parse(line), Option.none())
  })

  it.prop("whatever a client is told, it can read every line of", [Told], ([told]) => {
    // The board sends square boards only.
    const side = "grid" in told ? Math.max(1, Math.min(Grid.maxSize, told.grid.length)) : 0
    const grid = Grid.empty(side).map((row, y) =>
      row.map((_, x) => ("grid" in told ? Grid.owner(told.grid, { x, y }) : 0))
    )
    const lines = Reply.lines("grid" in told ? { ...told, grid } : told)
    const replies = lines.map((line) => Option.getOrThrow(Reply.parse(line)))
    if (told._tag === "Drawn") assert.deepStrictEqual(replies[0], { _tag: "Board", size: side, change: told.change })
    if ("grid" in told) {
      const rows = replies.slice(-side)
      assert.deepStrictEqual(
        rows,
        grid.map((owners, y) => ({ _tag: "Row" as const, y, owners }))
      )
      assert.strictEqual(new Set(lines.slice(-side).map(({ length }) => length)).size, 1)
    }
  })
})
