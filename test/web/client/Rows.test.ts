import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Rows from "../../../src/web/client/Rows.ts"

const Row = Schema.Struct({ name: Schema.String, number: Schema.Int })

describe("Rows", () => {
  it("sort reads numbers in texts as numbers", () => {
    const addresses = ["10.0.0.10:7", "10.0.0.9:80", "10.0.0.9:9"]
    assert.deepStrictEqual(
      Rows.sort(addresses, (text) => text, "up"),
      ["10.0.0.9:9", "10.0.0.9:80", "10.0.0.10:7"]
    )
  })

  it.prop("sort keeps all rows, in order, and rows of one value as they were", [Schema.Array(Row)], ([rows]) => {
    for (const direction of ["up", "down"] as const) {
      const sorted = Rows.sort(rows, ({ number }) => Math.sign(number), direction)
      assert.sameMembers([...sorted], [...rows])
      for (const [at, row] of sorted.entries()) {
        const next = sorted[at + 1]
        if (next === undefined) continue
        const difference = Math.sign(next.number) - Math.sign(row.number)
        assert.isTrue(direction === "up" ? difference >= 0 : difference <= 0)
        if (difference === 0) assert.isBelow(rows.indexOf(row), rows.indexOf(next))
      }
    }
  })

  it("sort does not change the rows that it is given", () => {
    const rows = Object.freeze([3, 1, 2])
    assert.deepStrictEqual(
      Rows.sort(rows, (row) => row, "down"),
      [3, 2, 1]
    )
  })

  it("filter wants each word in one of the texts, in any case", () => {
    const rows = [
      { file: "pxelinux.0", client: "192.168.1.20" },
      { file: "initrd.img", client: "192.168.1.21" }
    ]
    const found = (query: string) =>
      Rows.filter(rows, query, ({ client, file }) => [client, file]).map(({ file }) => file)
    assert.deepStrictEqual(found("  "), ["pxelinux.0", "initrd.img"])
    assert.deepStrictEqual(found("INITRD"), ["initrd.img"])
    assert.deepStrictEqual(found("192.168 pxe"), ["pxelinux.0"])
    assert.deepStrictEqual(found("pxe .21"), [])
    assert.deepStrictEqual(found(".*"), [])
  })

  it("opposite turns a direction", () => {
    assert.deepStrictEqual([Rows.opposite("up"), Rows.opposite("down")], ["down", "up"])
  })
})
