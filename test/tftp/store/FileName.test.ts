import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as FileName from "../../../src/tftp/store/FileName.ts"

/** Returns the parts joined by `|`, or the code of the refusal. */
const parsed = (filename: string) =>
  Result.match(FileName.parse(filename), { onSuccess: (parts) => parts.join("|"), onFailure: ({ code }) => code })

/** Generates names from significant pieces and random text. */
const Piece = Schema.Literals([
  "..",
  ".",
  "/",
  "\\",
  "C:",
  "a",
  "a..b",
  "\0",
  "\u0085",
  "é",
  "\udce9",
  FileName.uploadPrefix,
  "::"
])
const Name = Schema.Union([Schema.Array(Piece), Schema.Array(Schema.String)])

describe("FileName.parse", () => {
  it.each([
    ["f", "f"],
    ["/f", "f"],
    ["\\Boot\\x", "Boot|x"],
    ["C:\\Boot\\x", "Boot|x"],
    ["/c:/Boot//./x/", "Boot|x"],
    ["\\\\host\\share\\x", "host|share|x"],
    ["a..b", "a..b"],
    ["...", "..."],
    ["größe/日本.bin", "größe|日本.bin"],
    [".hidden", ".hidden"],
    ["ab:c", "ab:c"],
    ["discovery/../vmlinuz", "vmlinuz"],
    ["sub\\..\\x", "x"],
    ["/a/b/../../c/./../d/x", "d|x"],
    ["nowhere/../a/../x", "x"],
    ["caf\udce9/\udcff", "caf\udce9|\udcff"],
    ["\udc9b", "\udc9b"],
    [`${FileName.uploadPrefix}1/../x`, "x"],
    [`${"x".repeat(300)}/../x`, "x"],
    ["x".repeat(255), "x".repeat(255)]
  ])("parses %j as %j", (filename, parts) => assert.strictEqual(parsed(filename), parts))

  it.each([
    ["", 4],
    ["a\0b", 4],
    ["a\nb", 4],
    ["a\x7fb", 4],
    ["a\x9bb", 4],
    ["..", 2],
    ["../x", 2],
    ["sub/../../x", 2],
    ["sub/../..\\x", 2],
    ["a/../../a/x", 2],
    ["C:\\..\\x", 2],
    ["sub/../../", 2],
    ["sub/..", 2],
    ["/", 2],
    ["C:", 2],
    [".", 2],
    [`sub/${FileName.uploadPrefix}1`, 2],
    [FileName.uploadPrefix.toUpperCase(), 2],
    ["x".repeat(256), 1],
    ["\udce9".repeat(256), 1],
    ["é".repeat(250), 1]
  ])("refuses %j with code %i", (filename, code) => assert.strictEqual(parsed(filename), code))

  it.effect.prop(
    "never throws, never leads above the root, and parses its own result as the same",
    [Name],
    ([pieces]) =>
      Effect.sync(() => {
        const result = FileName.parse(pieces.join(""))
        if (Result.isFailure(result)) return assert.include([1, 2, 4], result.failure.code)
        const parts = result.success
        assert.isAbove(parts.length, 0)
        for (const part of parts) {
          assert.notInclude(["", ".", ".."], part)
          assert.notMatch(part, /[/\\\0]/)
        }
        assert.deepStrictEqual(Result.getOrThrow(FileName.parse(`./${parts.join("/")}`)), parts)
      }),
    { arbitrary: { runs: 500 } }
  )
})

describe("FileName", () => {
  it("rewrites by the first rule that matches, for its kind of request", () => {
    const rules: ReadonlyArray<FileName.Rule> = [
      { match: /^Boot\//gi, replace: "pxe/" },
      { match: /^(?<name>\w+)\.cfg$/, replace: "config/$<name>", on: "read" },
      { match: /cfg/, replace: "never" }
    ]
    for (const _ of [1, 2]) assert.strictEqual(FileName.rewrite(rules, "boot/x.cfg", "read"), "pxe/x.cfg")
    assert.strictEqual(FileName.rewrite(rules, "a.cfg", "read"), "config/a")
    assert.strictEqual(FileName.rewrite(rules, "a.cfg", "write"), "a.never")
    assert.isUndefined(FileName.rewrite(rules, "a.txt", "read"))
  })

  it.each([
    ["192.0.2.7", "192.0.2.7"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["2001:DB8::7", "2001-db8--7"],
    ["fe80::1%eth0", "fe80--1"]
  ])("returns for the address %s the folder %s", (address, folder) =>
    assert.strictEqual(FileName.folderOf({ address, port: 69 }), folder)
  )

  it("accepts a name without folders as plain", () => {
    for (const name of ["index.txt", "caf\udce9", "a..b"]) assert.isTrue(FileName.isPlain(name), name)
    for (const name of ["", ".", "..", "a/b", "/a", "a/", "a\\b", "C:", "C:a", "a\n", FileName.uploadPrefix]) {
      assert.isFalse(FileName.isPlain(name), name)
    }
  })

  it("finds a name in any case, the exact one first", () => {
    assert.strictEqual(FileName.ignoringCase(["Boot", "BOOT", "x"], "boot"), "BOOT")
    assert.strictEqual(FileName.ignoringCase(["BOOT", "boot"], "boot"), "boot")
    assert.isUndefined(FileName.ignoringCase(["Boot"], "boo"))
    assert.deepStrictEqual(FileName.allIgnoringCase(["boot", "Boot", "x", "BOOT"], "Boot"), ["Boot", "BOOT", "boot"])
  })
})
