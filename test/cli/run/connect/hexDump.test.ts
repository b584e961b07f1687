import { execFileSync, spawnSync } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as hexDump from "../../../../src/cli/run/connect/hexDump.ts"

const noHexdump = spawnSync("hexdump", ["-C"], { input: "" }).error !== undefined

describe("hexDump", () => {
  it("format marks the direction and continues at the offset", () => {
    assert.strictEqual(
      hexDump.format(">", 16, new TextEncoder().encode("GET /\r\n\u001b[2J")),
      "> 00000010  47 45 54 20 2f 0d 0a 1b  5b 32 4a                 |GET /...[2J|\n"
    )
    assert.strictEqual(hexDump.format("<", 0, new Uint8Array()), "")
  })

  it.skipIf(noHexdump)("format shows bytes as hexdump -C does (skipped without hexdump)", () => {
    for (const length of [1, 8, 15, 16, 17, 40, 256]) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 7 + length) % 256)
      const theirs = execFileSync("hexdump", ["-Cv"], { input: bytes, encoding: "utf8" })
        .split("\n")
        .slice(0, -2)
        .map((line) => line.trimEnd())
      const ours = hexDump.format("<", 0, bytes).trimEnd().split("\n")
      assert.deepStrictEqual(
        ours.map((line) => line.slice(2)),
        theirs
      )
    }
  })

  it.prop("format prints ASCII only, one line for each 16 bytes", [Schema.Array(Schema.Int)], ([numbers]) => {
    const text = hexDump.format("<", 0, Uint8Array.from(numbers))
    assert.match(text, /^(?:[\x20-\x7e]*\n)*$/)
    assert.strictEqual(text.split("\n").length - 1, Math.ceil(numbers.length / 16))
  })
})
