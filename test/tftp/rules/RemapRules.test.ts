import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as RemapRules from "../../../src/tftp/rules/RemapRules.ts"

const rulesOf = (...lines: ReadonlyArray<string>) => Result.getOrThrow(RemapRules.parse(lines.join("\n")))

const outcome = (
  rules: RemapRules.Rules,
  name: string,
  kind: RemapRules.Request["kind"] = "read",
  address = "192.0.2.169"
) => RemapRules.apply(rules, { name, kind, client: { address, port: 2_000 } }).outcome

const renamed = (name: string) => ({ _tag: "Renamed", name }) as const

describe("RemapRules", () => {
  it("applies all rules in their order, to the end", () => {
    const rules = rulesOf("# slashes", "rg \\\\ /   # of Windows", "", "r ^/ \t", "ri ^boot/ efi/")
    assert.deepStrictEqual(outcome(rules, "\\Boot\\x"), renamed("efi/x"))
  })

  it("has the escapes of tftpd-hpa", () => {
    const rules = rulesOf("r ^(.)(.) \\2\\1\\0-\\i-\\x-\\\\-\\#-\\ -\\U\\1b\\EB\\LC")
    assert.deepStrictEqual(outcome(rules, "xyz"), renamed("yxxy-192.0.2.169-C00002A9-\\-#- -XBBcz"))
    assert.deepStrictEqual(
      outcome(rulesOf("r ^.* \\x"), "f", "read", "2001:db8::1"),
      renamed("20010DB8000000000000000000000001")
    )
    assert.deepStrictEqual(
      outcome(rulesOf("r ^.* \\i\\x"), "f", "read", "::ffff:192.0.2.1"),
      renamed("192.0.2.1C0000201")
    )
  })

  it.each([
    ["G", "read", "192.0.2.1"],
    ["P", "write", "192.0.2.1"],
    ["4", "write", "::ffff:192.0.2.1"],
    ["6", "read", "2001:db8::1"],
    ["G6", "read", "2001:db8::1"]
  ] as const)("applies %s only to its requests", (letters, kind, address) => {
    const rules = rulesOf(`r${letters} x y`)
    for (const otherKind of ["read", "write"] as const) {
      for (const other of ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1"]) {
        const isV6 = other === "2001:db8::1"
        const applies =
          (!/[GP]/.test(letters) || kind === otherKind) && (!/[46]/.test(letters) || letters.includes("6") === isV6)
        assert.deepStrictEqual(outcome(rules, "x", otherKind, other), renamed(applies ? "y" : "x"))
      }
    }
    assert.deepStrictEqual(outcome(rules, "x", kind, address), renamed("y"))
  })

  it("ends, starts again and refuses", () => {
    assert.deepStrictEqual(outcome(rulesOf("re a b", "r b c"), "a"), renamed("b"))
    assert.deepStrictEqual(outcome(rulesOf("re b c", "rs a b"), "a"), renamed("c"))
    assert.deepStrictEqual(outcome(rulesOf("r a b", "a ^b$"), "a"), { _tag: "Refused", line: 2, message: undefined })
    assert.deepStrictEqual(outcome(rulesOf("a~ ^boot/ only\\ boot"), "x"), {
      _tag: "Refused",
      line: 1,
      message: "only boot"
    })
  })

  it("ends rules that would go on for ever", () => {
    const endless = { _tag: "Endless", line: 1 } as const
    assert.deepStrictEqual(outcome(rulesOf("rg ^ x"), "a"), endless)
    assert.deepStrictEqual(outcome(rulesOf("rg a aa"), "a"), endless)
    assert.deepStrictEqual(outcome(rulesOf("s a"), "a"), endless)
  })

  it("lists each step", () => {
    const { steps } = RemapRules.apply(rulesOf("r a b", "r c d", "rP b x"), {
      name: "a",
      kind: "read",
      client: { address: "192.0.2.1", port: 1 }
    })
    assert.deepStrictEqual(steps, [
      { line: 1, result: "matched", name: "b" },
      { line: 2, result: "not matched", name: "b" },
      { line: 3, result: "other requests", name: "b" }
    ])
  })

  it.each([
    ["r a b\nrq x y", 2, 2, 'expected letters of rgiesaGP46~, the operation (got "q")'],
    ["r~ a b", 1, 1, "r and ~ cannot be combined: nothing matches that could be replaced"],
    ["  r", 1, 4, "expected a regular expression after the operation"],
    ["r a b c", 1, 7, 'expected the end of the line: write "\\ " for a space, or # before a comment'],
    ["r  ab(c d", 1, 6, "( is not closed: add )"]
  ])("refuses %j with its place", (text, line, column, message) => {
    assert.deepStrictEqual(Result.getOrThrow(Result.flip(RemapRules.parse(text))), { line, column, message })
  })
})
