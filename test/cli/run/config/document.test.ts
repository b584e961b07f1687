import * as Fs from "node:fs"
import * as Module from "node:module"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as document from "../../../../src/cli/run/config/document.ts"

const errorOf = (text: string) =>
  Result.match(document.parse(text), {
    onSuccess: () => "no error",
    onFailure: ({ message, place: { column, line } }) => `${line}:${column}: ${message}`
  })

describe("document", () => {
  const wrong: ReadonlyArray<readonly [name: string, text: string, error: RegExp]> = [
    ["a key that is there twice", "rot13:\n  port: 1\n  port: 2\n", /^3:3: the key is there twice/],
    ["a tab that indents", "rot13:\n\tport: 1\n", /^2:1: a tab cannot indent a line/],
    ["a second document", "rot13: {}\n---\nguess: {}\n", /^2:1: the file has a second document/],
    ["an anchor", "rot13:\n  port: &x 1\n", /^2:12: anchors are not supported/],
    ["an alias", "rot13: &x\n  port: 1\nguess: *x\n", /anchors are not supported/],
    ["a tag", "rot13:\n  port: !!int 5\n", /^2:9: a value cannot have a tag/],
    ["a key that is a list", "? [a]\n: b\n", /^1:3: /],
    ["a list at the top", "- rot13\n", /^1:1: expected options by service/],
    ["a text at the top", "rot13\n", /^1:1: expected options by service/],
    ["an address without quotes", "rot13:\n  host: ::\n", /^2:9: .*needs quotes/],
    ["a quote without an end", "rot13:\n  host: 'x\n", /^3:1: /],
    ["a map without an end", "rot13: { port: 1\n", /^2:1: |^1:\d+: /],
    ["a wrong indentation", "rot13:\n    port: 1\n  host: x\n", /^3:3: wrong indentation/],
    ["an unknown directive", "%YAML 1.3\n---\nrot13: {}\n", /^1:\d+: /]
  ]
  it.each(wrong)("has the place of %s", (_, text, error) => {
    assert.match(errorOf(text), error)
  })

  it("explains each code of the library's errors", () => {
    const folder = Path.dirname(Module.createRequire(import.meta.url).resolve("yaml/package.json"))
    const types = Fs.readFileSync(Path.join(folder, "dist/errors.d.ts"), "utf8")
    const [, union = ""] = /type ErrorCode = ([^;]+);/.exec(types) ?? []
    const codes = [...union.matchAll(/'([A-Z0-9_]+)'/g)].map(([, code]) => code!)
    assert.isAtLeast(codes.length, 23)
    assert.deepStrictEqual(Object.keys(document.explanations).sort(), codes.sort())
  })

  const unreadable: ReadonlyArray<readonly [text: string, code: keyof typeof document.explanations, place: string]> = [
    ["a: & x\n", "BAD_ALIAS", "1:4"],
    ["a: *\n", "BAD_ALIAS", "1:4"],
    ["%YAML 1.3\n---\na: 1\n", "BAD_DIRECTIVE", "1:7"],
    ['a: "\\q"\n', "BAD_DQ_ESCAPE", "1:5"],
    ["a: @x\n", "BAD_SCALAR_START", "1:4"],
    ["a: `x\n", "BAD_SCALAR_START", "1:4"],
    ["a: b: c\n", "BLOCK_AS_IMPLICIT_KEY", "1:4"],
    ["a: [\n  - b\n]\n", "BLOCK_IN_FLOW", "2:3"],
    ["a: 1\na: 2\n", "DUPLICATE_KEY", "2:1"],
    [`a:\n  ${"x".repeat(1_100)}: 1\n`, "KEY_OVER_1024_CHARS", "2:3"],
    ["a: 'x\n", "MISSING_CHAR", "2:1"],
    ["a: [1, 2\n", "BAD_INDENT", "2:1"],
    ["a\nb: 1\n", "MULTILINE_IMPLICIT_KEY", "1:1"],
    ["a: 1\n---\nb: 2\n", "MULTIPLE_DOCS", "2:1"],
    ["a: &x &y 1\n", "MULTIPLE_ANCHORS", "1:7"],
    ["a: !x !y 1\n", "MULTIPLE_TAGS", "1:7"],
    ["? [a]\n: b\n", "NON_STRING_KEY", "1:3"],
    ["a:\n\tb: 1\n", "TAB_AS_INDENT", "2:1"],
    ["a: !!int 5\n", "TAG_RESOLVE_FAILED", "1:4"],
    ["a: ]\n", "UNEXPECTED_TOKEN", "1:4"]
  ]
  it.each(unreadable)("explains the error in %j as %s", (text, code, place) => {
    assert.strictEqual(errorOf(text), `${place}: ${document.explanations[code]}`)
  })

  it.each([
    ["an option that is deeper than the one before", "rot13:\n  max-connections: 10\n   port: 2067\n", "3:4"],
    ["the same with CRLF", "rot13:\r\n  max-connections: 10\r\n   port: 2067\r\n", "3:4"],
    ["the same without a value", "rot13:\n  port: 10\n    host:\n", "3:5"],
    ["the same after a quoted value", "rot13:\n  host: 'x'\n   port: 2067\n", "3:4"],
    ["the same after a comment", "rot13:\n  port: 10 # ten\n\n   host: x\n", "4:4"],
    ["the same after a further line of the value", "rot13:\n  host: a\n   b\n   port: 1\n", "4:4"],
    ["the same at the top", "port: 1\n  host: x\n", "2:3"],
    ["the same in a list", "up:\n  services:\n    - name: a\n       port: 1\n", "4:8"],
    ["an option between a dash and its first option", "up:\n  services:\n    - name: a\n     port: 1\n", "4:6"],
    ["a dedent to no level", "rot13:\n    port: 1\n  host: x\n", "3:3"],
    ["a dedent to no level of three", "up:\n  services:\n      a: 1\n    b: 2\n", "4:5"],
    ["a dash at no level", "up:\n    - b\n  - c\n", "3:3"],
    ["a dedent before the first option", " rot13:\n  port: 1\nguess:\n  port: 2\n", "3:1"]
  ])("has the place of the wrong indentation of %s", (_, text, place) => {
    assert.strictEqual(errorOf(text), `${place}: ${document.wrongIndentation}`)
  })

  it.each([
    ["a tab after spaces", "rot13:\n  port: 1\n  \thost: x\n", "3:3", "TAB_AS_INDENT"],
    ["a tab instead of spaces", "rot13:\n  port: 1\n\thost: x\n", "3:1", "TAB_AS_INDENT"],
    ["a value with a colon", "rot13:\n  host: a: b\n   c\n", "2:9", "BLOCK_AS_IMPLICIT_KEY"]
  ] as const)("has another place for %s", (_, text, place, code) => {
    assert.strictEqual(errorOf(text), `${place}: ${document.explanations[code]}`)
  })

  it.each([
    ["# ports\n[rot13]\nport = 1067\n", "3:1"],
    ["\r\n; ports\r\n[[up.services]]\r\nname = 'a: b'\r\n", "2:1"],
    ["port = 1067\n[rot13]\ncase = 'lower'\n", "1:1"]
  ])("names the format of %j", (text, place) => {
    assert.strictEqual(errorOf(text), `${place}: ${document.notYaml}`)
  })

  it("explains a later line of TOML in a file of YAML as YAML", () => {
    assert.strictEqual(errorOf("a: ]\nport = 1067\n"), `1:4: ${document.explanations.UNEXPECTED_TOKEN}`)
  })

  it("of aliases that refer to aliases is refused before it grows", () => {
    const levels = Array.from({ length: 30 }, (_, i) => `a${i}: &a${i} [${`*a${i - 1},`.repeat(i === 0 ? 0 : 9)} x]`)
    assert.match(errorOf(levels.join("\n")), /^1:\d+: anchors are not supported/)
  })

  it.each([
    ["brackets", "[".repeat(100_000), 17],
    ["braces", `a: ${"{b: ".repeat(50_000)}`, 68],
    ["dashes", `${"- ".repeat(100_000)}x`, 33]
  ])("that nests %s deeply is refused at the place where it is too deep", (_, text, column) => {
    assert.strictEqual(errorOf(text), `1:${column}: nested too deeply (more than 16 levels)`)
  })

  it("that nests lines deeply is refused", () => {
    const lines = Array.from({ length: 300 }, (_, depth) => `${" ".repeat(depth)}a:`)
    assert.match(errorOf(lines.join("\n")), /nested too deeply/)
  })

  it("longer than 256 KiB is refused without being parsed", () => {
    assert.match(errorOf(`# ${"x".repeat(300_000)}`), /^1:1: the file is too long/)
  })

  it("keeps numbers and words as they are written", () => {
    const { entries } = Result.getOrThrow(document.parse("a: 0x10\nb: 1e3\nc: ~\nd: yes\ne: '1_0'\nf: 007\n"))
    assert.deepStrictEqual(
      entries.map(({ value }) => (value._tag === "Text" ? value.text : "")),
      ["0x10", "1e3", "~", "yes", "1_0", "007"]
    )
  })

  it.each([[""], ["# nothing\n"], ["\n\n"], ["---\n"]])("without options is empty: %j", (text) => {
    assert.deepStrictEqual(Result.getOrThrow(document.parse(text)).entries, [])
  })

  it.prop("never throws", [Schema.Array(Schema.Literals([..."ab:-[]{}&*!|>'\"#%,? \n\t\\~@`\r"]))], ([characters]) => {
    const parsed = document.parse(characters.join(""))
    if (Result.isSuccess(parsed)) return
    assert.isAtLeast(parsed.failure.place.line, 1)
    const ours = /^(?:expected (?:options|a text)|(?:aliases|anchors) are not supported|nested too deeply)/
    const { message } = parsed.failure
    const explained = [...Object.values(document.explanations), document.notYaml]
    assert.isTrue(ours.test(message) || explained.includes(message), message)
  })
})
