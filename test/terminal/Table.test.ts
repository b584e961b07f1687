import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Table from "../../src/terminal/Table.ts"

const int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

type Row = ReadonlyArray<string>

const column = (at: number, rank: number, options: Partial<Table.Column<Row>> = {}): Table.Column<Row> => ({
  title: `column ${at}`,
  rank,
  format: (row) => row[at] ?? "",
  ...options
})

const Rows = Schema.Array(Schema.Array(Schema.String))

describe("Table", () => {
  it.prop("fits rows of any text to any width", [Rows, int(0, 100)], ([rows, width]) => {
    const lines = Table.fit([column(0, 0), column(1, 2, { alignRight: true }), column(2, 1)], rows, width)
    assert.lengthOf(lines, rows.length + 1)
    for (const line of lines) assert.isAtMost(line.map(({ text }) => text).join("").length, width)
  })

  it.prop("has the same text without styles", [Rows, int(0, 100)], ([rows, width]) => {
    const columns = [
      column(0, 0, { minWidth: 4 }),
      column(1, 2, { alignRight: true }),
      column(2, 1, { title: "", isOptional: true }),
      column(3, 1, { isOptional: true })
    ]
    const cells = rows.map((row) => row.map((text) => text.replaceAll(/\s/g, "x")))
    assert.strictEqual(Table.fitText(columns, cells, width), Table.toText(Table.fit(columns, cells, width)))
  })

  it("cuts texts to the least width of their column before it leaves out a column", () => {
    const columns = [column(0, 0, { title: "a", minWidth: 3 }), column(1, 1, { title: "b", minWidth: 4 })]
    const text = (width: number) => Table.fitText(columns, [["abcdef", "uvwxyz"]], width).split("\n")[1]
    assert.deepStrictEqual([14, 13, 12, 9, 8, 3, 2].map(text), [
      "abcdef  uvwxyz",
      "abcdef  uvwx~",
      "abcdef  uvw~",
      "ab~  uvw~",
      "abcdef",
      "ab~",
      "ab"
    ])
  })

  it("leaves out an optional column without text", () => {
    const columns = [column(0, 0, { title: "a" }), column(1, 1, { title: "b", isOptional: true })]
    assert.strictEqual(Table.fitText(columns, [["x", ""]], 80), "a\nx")
    assert.strictEqual(Table.fitText(columns, [["x", "y"]], 80), "a  b\nx  y")
  })

  it("leaves out the columns with the highest rank, and keeps the order of the others", () => {
    const columns = [column(0, 2), column(1, 0), column(2, 1)]
    const titles = (width: number) => Table.toText(Table.fit(columns, [], width))
    assert.deepStrictEqual([28, 27, 18, 17, 8, 5].map(titles), [
      "column 0  column 1  column 2",
      "column 1  column 2",
      "column 1  column 2",
      "column 1",
      "column 1",
      "colum"
    ])
  })

  it("leaves out a column without a title and without text", () => {
    const columns = [column(0, 0, { title: "a" }), column(1, 1, { title: "" }), column(2, 2, { title: "c" })]
    assert.strictEqual(Table.toText(Table.fit(columns, [["x", "", "z"]], 80)), "a  c\nx  z")
    assert.strictEqual(Table.toText(Table.fit(columns, [["x", "y", "z"]], 80)), "a     c\nx  y  z")
  })

  it("draws titles dim and cells in the style of their column", () => {
    const style = (row: Row) => (row[0] === "down" ? ("red" as const) : undefined)
    const [titles, down, up] = Table.fit([column(0, 0, { title: "state", style })], [["down"], ["up"]], 80)
    assert.deepStrictEqual(titles, [{ text: "state", style: "dim" }])
    assert.deepStrictEqual(down, [{ text: "down", style: "red" }])
    assert.deepStrictEqual(up, [{ text: "up", style: undefined }])
  })

  it("formats rows with fixed widths, and cuts no cell", () => {
    const columns = [Table.left(4), Table.right(5)]
    assert.strictEqual(Table.formatRow(columns, ["ab", 12, "rest"], " "), "ab      12 rest")
    assert.strictEqual(Table.formatRow(columns, ["abcdef", 1_234_567]), "abcdef1234567")
    assert.strictEqual(Table.formatRow([], ["a", "b"]), "ab")
  })
})
