import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as ProcessFiles from "../../../src/inspect/sockets/ProcessFiles.ts"
import { encode, garbage } from "./ProcFiles.ts"

const stat = (name: string) =>
  `1234 (${name}) S 1 1234 1234 0 -1 4194560 1 0 0 0 2 3 0 0 20 0 7 0 98765 1024000 300 18446744073709551615 1 1\n`

const parsers = [
  ProcessFiles.parseComm,
  ProcessFiles.parseCommandLine,
  ProcessFiles.parseStat,
  ProcessFiles.parseStatus,
  ProcessFiles.parseControlGroup,
  ProcessFiles.parseUsers
]

/** Texts that UTF-8 can encode, without zero bytes. */
const text = Arbitrary.map(Arbitrary.schema(Schema.String), (one) => one.toWellFormed().replaceAll("\0", ""))

describe("ProcessFiles", () => {
  it.prop("parseStat takes any name", [text], ([name]) => {
    assert.deepStrictEqual(ProcessFiles.parseStat(encode(stat(name))), {
      pid: 1234,
      name,
      state: "S",
      parentPid: 1,
      startTicks: 98_765
    })
  })

  it("parseStat returns nothing wrong for a file that is cut at any byte", () => {
    const whole = encode(stat("a) R 9 (b"))
    for (let length = 0; length < whole.length; length++) {
      const parsed = ProcessFiles.parseStat(whole.subarray(0, length))
      if (parsed === undefined) continue
      assert.strictEqual(parsed.pid, 1234)
      assert.oneOf(parsed.startTicks, [undefined, 98_765])
    }
  })

  it.prop("parseCommandLine returns all arguments, also empty ones", [Arbitrary.array(text)], ([all]) => {
    const trimmed = [...all]
    while (trimmed.at(-1) === "") trimmed.pop()
    const bytes = encode(all.map((one) => `${one}\0`).join(""))
    // The decoder drops a byte order mark at the start.
    const expected = trimmed.map((one, at) => (at === 0 ? one.replace(/^\ufeff/, "") : one))
    assert.deepStrictEqual(ProcessFiles.parseCommandLine(bytes), expected)
  })

  it("parseCommandLine takes a title without a zero byte, and 4 KiB of control characters", () => {
    assert.deepStrictEqual(ProcessFiles.parseCommandLine(encode("nginx: master process")), ["nginx: master process"])
    const long = "\u001b[31m\n".repeat(700)
    assert.deepStrictEqual(ProcessFiles.parseCommandLine(encode(`a\0${long}\0`)), ["a", long])
    assert.deepStrictEqual(ProcessFiles.parseCommandLine(encode("")), [])
  })

  it("parseComm removes the line feed of the kernel only", () => {
    assert.strictEqual(ProcessFiles.parseComm(encode("a\nb\n\n")), "a\nb\n")
  })

  it("parseStatus returns the real and the effective user", () => {
    const status = "Name:\tsu\nUmask:\t0022\nUid:\t1000\t0\t0\t0\nGid:\t1000\t1000\t1000\t1000\n"
    assert.deepStrictEqual(ProcessFiles.parseStatus(encode(status)), { uid: 1000, effectiveUid: 0 })
    assert.isUndefined(ProcessFiles.parseStatus(encode(status.slice(0, 30))))
  })

  it("parseControlGroup returns the unit of systemd, of both versions of control groups", () => {
    const parse = (file: string) => ProcessFiles.parseControlGroup(encode(file))
    assert.deepStrictEqual(parse("0::/system.slice/ssh.service\n"), {
      path: "/system.slice/ssh.service",
      unit: "ssh.service"
    })
    assert.deepStrictEqual(
      parse("9:name=systemd:/user.slice/user-1.slice/user@1.service/app.slice/x.scope\n1:cpu:/\n0::/\n"),
      { path: "/user.slice/user-1.slice/user@1.service/app.slice/x.scope", unit: "x.scope" }
    )
    assert.deepStrictEqual(parse("0::/system.slice/a:b.service/sub\n")?.unit, "a:b.service")
    assert.deepStrictEqual(parse("1:name=systemd:/\n0::/\n"), { path: "/", unit: undefined })
    assert.isUndefined(parse("4:memory:/a\n"))
  })

  it("parseUsers returns the first name of a number, and skips malformed lines", () => {
    const users = ProcessFiles.parseUsers(
      encode("root:x:0:0::/:/bin/sh\n\n:x:1::\nbob:x:x\ntoor:x:0:0\nann:x:1000:1\n")
    )
    assert.deepStrictEqual(
      [...users],
      [
        [0, "root"],
        [1000, "ann"]
      ]
    )
  })

  it.prop("no parser throws on garbage", [garbage], ([bytes]) => {
    for (const parse of parsers) parse(bytes)
  })
})
