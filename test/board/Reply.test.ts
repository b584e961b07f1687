import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Grid from "../../src/board/Grid.ts"
import { Message } from "../../src/board/Message.ts"
import * as Reply from "../../src/board/Reply.ts"

const Width = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 18 }))

describe("Reply", () => {
  it.prop(
    "parses what it formats",
    [Reply.Reply, Width],
    ([reply, width]) => {
      const line = Reply.format(reply, width)
      assert.match(line, /^[a-z]+[ -~]*$/)
      assert.deepStrictEqual(Reply.parse(line), Option.some(reply))
    },
    { arbitrary: { runs: 1_000 } }
  )

  it("parses the largest numbers", () => {
    const most = Number.MAX_SAFE_INTEGER
    const reply = { _tag: "Claimed", x: 25, y: 25, by: most, change: most } as const
    assert.deepStrictEqual(Reply.parse(Reply.format(reply)), Option.some(reply))
    const row = { _tag: "Row", y: 25, owners: Array.from({ length: Grid.maxSize }, () => most) } as const
    assert.deepStrictEqual(Reply.parse(Reply.format(row)), Option.some(row))
    // The line limit of clients is 1,024 bytes.
    assert.isBelow(Reply.format(row).length, 1_024)
  })

  it.prop(
    "parses other text into nothing, or into a reply that formats to an equal one",
    [Schema.String, Reply.Reply],
    ([text, reply]) => {
      const line = Reply.format(reply)
      for (const other of [text, `${line}${text}`, `${text}${line}`, line.slice(0, -1), line.toUpperCase()]) {
        const found = Reply.parse(other)
        if (Option.isSome(found)) {
          assert.isTrue(Schema.is(Reply.Reply)(found.value))
          assert.deepStrictEqual(Reply.parse(Reply.format(found.value)), found)
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
  ])("rejects %j", (line) => {
    assert.deepStrictEqual(Reply.parse(line), Option.none())
  })

  it.prop("parses every line of any message", [Message], ([message]) => {
    // Boards are square.
    const side = "grid" in message ? Math.max(1, Math.min(Grid.maxSize, message.grid.length)) : 0
    const grid = Grid.empty(side).map((row, y) =>
      row.map((_, x) => ("grid" in message ? Grid.owner(message.grid, { x, y }) : 0))
    )
    const lines = Reply.formatMessage("grid" in message ? { ...message, grid } : message)
    const replies = lines.map((line) => Option.getOrThrow(Reply.parse(line)))
    if (message._tag === "Snapshot")
      assert.deepStrictEqual(replies[0], { _tag: "Board", size: side, change: message.change })
    if ("grid" in message) {
      const rows = replies.slice(-side)
      assert.deepStrictEqual(
        rows,
        grid.map((owners, y) => ({ _tag: "Row" as const, y, owners }))
      )
      assert.strictEqual(new Set(lines.slice(-side).map(({ length }) => length)).size, 1)
    }
  })
})
