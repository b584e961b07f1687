import { assert, describe, it } from "@effect/vitest"
import * as UnixTable from "../../../src/inspect/sockets/UnixTable.ts"
import { almostTable, between, encode, formatUnix, garbage } from "./ProcFiles.ts"

const parse = (bytes: Uint8Array) => UnixTable.parse(bytes, (row) => row)

const table = formatUnix(
  [0x10000, 1, 1, 1161, "/run/a b.sock"],
  [0, 2, 1, 1162, "@abstract@name"],
  [0, 5, 3, 32_372],
  [0, 1, 2, 0, "/run/a b.sock"]
)

const rows: ReadonlyArray<UnixTable.UnixRow> = [
  { flags: 0x10000, typeCode: 1, stateCode: 1, inode: 1161, path: "/run/a b.sock" },
  { flags: 0, typeCode: 2, stateCode: 1, inode: 1162, path: "@abstract@name" },
  { flags: 0, typeCode: 5, stateCode: 3, inode: 32_372, path: undefined },
  { flags: 0, typeCode: 1, stateCode: 2, inode: 0, path: "/run/a b.sock" }
]

describe("UnixTable", () => {
  it("parses paths with blanks, abstract names, and sockets without a name", () => {
    assert.deepStrictEqual(parse(table), { rows, skippedLines: 0 })
  })

  it("skips the rest of a path with a line feed", () => {
    const parsed = parse(formatUnix([0, 1, 1, 7, "/tmp/a\nb"], [0, 1, 1, 8, "/tmp/c"]))
    assert.deepStrictEqual(
      parsed.rows.map(({ inode, path }) => [inode, path]),
      [
        [7, "/tmp/a"],
        [8, "/tmp/c"]
      ]
    )
    assert.strictEqual(parsed.skippedLines, 1)
  })

  it.prop(
    "returns the rows before the end of a table that is cut at any byte",
    [between(0, table.length)],
    ([length]) => {
      const bytes = table.subarray(0, length)
      const whole = Math.max(0, bytes.filter((byte) => byte === 0x0a).length - 1)
      assert.deepStrictEqual(parse(bytes).rows, rows.slice(0, whole))
    }
  )

  it.prop("never throws on garbage, nor on what is almost a table", [garbage, almostTable], (all) => {
    for (const bytes of all) {
      const parsed = parse(bytes)
      assert.isAtMost(parsed.rows.length + parsed.skippedLines, bytes.filter((byte) => byte === 0x0a).length + 1)
    }
  })

  it("returns no rows for an empty file and for titles only", () => {
    assert.deepStrictEqual(parse(encode("")), { rows: [], skippedLines: 0 })
    assert.deepStrictEqual(parse(formatUnix()), { rows: [], skippedLines: 0 })
  })
})
