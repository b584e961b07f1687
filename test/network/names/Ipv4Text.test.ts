import { spawnSync } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Ipv4Text from "../../../src/network/names/Ipv4Text.ts"

const format = (text: string) =>
  Result.getOrElse(Result.map(Ipv4Text.parse(text), NetAddress.formatIp), ({ message }) => message)

const octet = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))

/** Returns texts of many forms, right and wrong, always the same ones. */
const texts = () => {
  let state = 1_067
  const next = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  const limits = [0, 1, 7, 8, 10, 255, 256, 65_535, 65_536, 16_777_215, 16_777_216, 4_294_967_295, 4_294_967_296]
  const number = () => {
    const value = next(3) === 0 ? limits[next(limits.length)]! : next(300)
    const forms = [
      `${value}`,
      `${value}`,
      `0${value.toString(8)}`,
      `0x${value.toString(16)}`,
      `0X${value.toString(16)}`
    ]
    const odd = ["", "0", "08", "0x", "00", "0x0x1", "1a", "-1", "+1", "0x1g", "000000000017"]
    return next(8) === 0 ? odd[next(odd.length)]! : forms[next(forms.length)]!
  }
  return Array.from({ length: 4_000 }, () => Array.from({ length: 1 + next(5) }, number).join("."))
}

const python = spawnSync("python3", ["--version"]).status === 0

describe("Ipv4Text", () => {
  it("parse accepts the forms of inet_aton", () => {
    for (const text of ["127.1", "0x7f.1", "0177.0.0.1", "2130706433", "017700000001", "127.0.1", "0x7F000001"]) {
      assert.strictEqual(format(text), "127.0.0.1", text)
    }
  })

  it("parse says what is wrong", () => {
    assert.strictEqual(format("1.2.3.4.5"), '"1.2.3.4.5" is not an IPv4 address: 5 numbers, at most 4')
    assert.strictEqual(format("256.1"), '"256.1" is not an IPv4 address: 256 is too large (at most 255)')
    assert.include(format("1.16777216"), "the last number is too large (16777216, at most 16777215)")
    assert.include(format("08.1"), '"08" is not a number')
    assert.isFalse(format("\u001b[2J").includes("\u001b"))
  })

  it.prop("parse returns the address of each of its forms", [octet, octet, octet, octet], ([a, b, c, d]) => {
    const expected = `${a}.${b}.${c}.${d}`
    const hex = (number: number) => `0x${number.toString(16)}`
    for (const text of [
      expected,
      `${hex(a)}.0${b.toString(8)}.${c}.${hex(d)}`,
      `${a}.${b}.${c * 256 + d}`,
      `${a}.${hex(b * 65_536 + c * 256 + d)}`,
      `${a * 2 ** 24 + b * 65_536 + c * 256 + d}`
    ]) {
      assert.strictEqual(format(text), expected)
    }
  })

  it.skipIf(!python)("parse agrees with inet_aton of the libc (skipped without python3)", () => {
    const all = texts()
    const script =
      "import socket,sys\nfor line in sys.stdin.read().split('\\n'):\n try: print(socket.inet_ntoa(socket.inet_aton(line)))\n except OSError: print('-')"
    const { stdout } = spawnSync("python3", ["-c", script], { input: all.join("\n"), encoding: "utf8" })
    const theirs = stdout.trimEnd().split("\n")
    const ours = all.map((text) => Result.getOrElse(Result.map(Ipv4Text.parse(text), NetAddress.formatIp), () => "-"))
    const different = all.flatMap((text, i) => (ours[i] === theirs[i] ? [] : [[text, ours[i], theirs[i]]]))
    assert.deepStrictEqual(different, [])
    assert.isAbove(ours.filter((one) => one !== "-").length, 500)
    assert.isAbove(ours.filter((one) => one === "-").length, 500)
  })
})
