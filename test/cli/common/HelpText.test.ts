import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as CliOutput from "effect/cli/CliOutput"
import type * as HelpDoc from "effect/cli/HelpDoc"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as HelpText from "../../../src/cli/common/HelpText.ts"

const flag = (name: string, type: string, description: string, required = false): HelpDoc.FlagDoc => ({
  ...{ name, type, required, aliases: [] },
  description: Option.some(description)
})

const doc: HelpDoc.HelpDoc = {
  description: "Serve a directory over TFTP, read-only unless --write is given",
  usage: "effect-inet tftp serve [flags] <file>",
  annotations: Context.empty(),
  flags: [
    flag("root", "DIR", "Directory to serve; nothing outside of it can be read or written (required)", true),
    flag("port", "PORT", "Port of tftp, 0 for any free port (default 69)")
  ],
  globalFlags: [
    flag("log-level", "<all|trace|debug|info>", "Sets the minimum log level (choices: all, trace, debug, info)")
  ],
  subcommands: [
    {
      group: undefined,
      commands: [{ name: "serve", alias: undefined, shortDescription: undefined, description: "Serve rot13 over TCP" }]
    }
  ],
  args: [{ name: "file", type: "string", required: true, variadic: false, description: Option.some("File to serve") }],
  examples: [{ command: `effect-inet tftp serve --root ${"x".repeat(100)} f`, description: "A long command" }]
}

const words = (text: string) => text.split(/\s+/)

describe("HelpText", () => {
  const Columns = Schema.Int.check(Schema.isBetween({ minimum: 20, maximum: 160 }))

  it.prop(
    "fits any width but for examples, with all words in order",
    [Columns, Schema.Boolean],
    ([columns, colors]) => {
      const text = HelpText.format(doc, columns, colors)
      const wide = HelpText.format(doc, Number.POSITIVE_INFINITY, colors)
      assert.deepStrictEqual(words(text), words(wide))
      const [before] = text.split("EXAMPLES")
      for (const line of before!.split("\n")) {
        if (line.trim().includes(" ")) assert.isAtMost(CliOutput.displayWidth(line), Math.max(columns, 34))
      }
      assert.include(text, doc.examples![0]!.command)
      assert.notMatch(text, /[^\n]\n(?:ARGUMENTS|FLAGS|GLOBAL FLAGS|SUBCOMMANDS|EXAMPLES)/)
    }
  )

  it("keeps the column of descriptions, or puts them below on a narrow terminal", () => {
    const lines = HelpText.format(doc, 60, false).split("\n")
    const at = lines.indexOf("  --root DIR     Directory to serve; nothing outside of it")
    assert.deepStrictEqual(lines.slice(at + 1, at + 3), [
      "                 can be read or written (required)",
      "  --port PORT    Port of tftp, 0 for any free port (default"
    ])
    assert.include(
      HelpText.format(doc, 40, false),
      "  --root DIR\n      Directory to serve; nothing\n      outside of it can"
    )
  })

  it("names required flags in the usage, and choices once", () => {
    const text = HelpText.format(doc, 80, false)
    assert.include(text, "  effect-inet tftp serve --root DIR [flags] <file>\n")
    assert.include(
      text,
      "  --log-level choice    Sets the minimum log level (choices: all, trace, debug, info)".slice(0, 60)
    )
    assert.notInclude(text, "<all|trace")
  })
})
