/** The reference of display filters has all fields, and its examples are filters. */
import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as DisplayFilter from "../../../src/capture/filter/DisplayFilter.ts"
import { protocol as analysisProtocol } from "../../../src/cli/run/capture/read/analysisFields.ts"
import { captureDissectors } from "../../../src/cli/run/common/dissectors.ts"

const page = Fs.readFileSync(new URL("../../../docs/reference/filters.md", import.meta.url), "utf8")

const options = { protocols: [...captureDissectors, analysisProtocol] }

const cells = (line: string) => line.split(/(?<!\\)\|/).map((cell) => cell.trim())

/** Rows of the tables whose head is the given one. */
const rowsOf = (head: string) =>
  page
    .split("\n\n")
    .filter((block) => block.startsWith(head))
    .flatMap((block) => block.trim().split("\n").slice(2).map(cells))

describe("the reference of display filters", () => {
  it("has every field with its type and its meaning", () => {
    const documented = rowsOf("| field | type | meaning |").map(
      ([, name, type, meaning]) => `${name} ${type} ${meaning}`
    )
    const fields = DisplayFilter.fields(options)
      .filter(({ type }) => type !== "protocol")
      .map(({ description, name, type }) => `\`${name}\` ${type} ${description}`)
    assert.sameMembers(documented, fields)
  })

  it("has every protocol", () => {
    const documented = rowsOf("| protocol |").map(([, name]) => name)
    const protocols = DisplayFilter.fields(options).filter(
      ({ name, type }) => type === "protocol" && name !== "tcp.analysis"
    )
    assert.sameMembers(
      documented,
      protocols.map(({ name }) => `\`${name}\``)
    )
  })

  const examples = rowsOf("| filter |").map(([, filter]) => filter!.slice(1, -1).replaceAll("\\|", "|"))

  it("has examples", () => assert.isAtLeast(examples.length, 12))

  it.each(examples)("has a filter as example: %s", (text) => {
    const filter = Result.getOrThrow(DisplayFilter.parse(text, options))
    assert.isNotEmpty(DisplayFilter.format(filter))
  })

  it("has the message of an error", () => {
    const [, text, message] = /--filter '([^']+)'\n```\n\n```\n[\s\S]+?effect-inet: --filter: (.+)\n```/.exec(page)!
    const failure = Result.getOrThrow(Result.flip(DisplayFilter.parse(text!, options)))
    assert.strictEqual(`filter ${message}`, failure.message)
  })
})
