import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as lineEndings from "../../../../src/cli/run/connect/lineEndings.ts"
import { ChunkSizes, LineBytes, split } from "../../../support/Lines.ts"

describe("lineEndings", () => {
  it.prop(
    "converter gives each LF its CR, whatever the chunks are, and keeps every other byte",
    [LineBytes, ChunkSizes],
    ([bytes, sizes]) => {
      const convert = lineEndings.converter()
      const converted = Buffer.concat(split(bytes, sizes).map(convert)).toString("latin1")
      const whole = Buffer.from(bytes).toString("latin1")
      assert.strictEqual(converted, whole.replaceAll(/(?<!\r)\n/g, "\r\n"))
      assert.strictEqual(converted.replaceAll("\r\n", "\n"), whole.replaceAll("\r\n", "\n"))
    }
  )

  it("converter keeps a CR LF that two chunks share, and completes an LF at the start of a chunk", () => {
    const convert = lineEndings.converter()
    const text = ["a\r", "", "\nb", "\n"].map((chunk) => Buffer.from(convert(Buffer.from(chunk))).toString()).join("")
    assert.strictEqual(text, "a\r\nb\r\n")
  })

  it.prop(
    "toCrlf returns bytes without LF unchanged, as the same chunk",
    [Schema.Array(Schema.Literals([13, 65]))],
    ([bytes]) => {
      const chunk = Uint8Array.from(bytes)
      assert.strictEqual(lineEndings.toCrlf(chunk, undefined), chunk)
    }
  )
})
