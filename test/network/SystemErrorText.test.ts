import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as SystemErrorText from "../../src/network/SystemErrorText.ts"

const errorOf = (call: () => void) => {
  try {
    call()
  } catch (error) {
    return error
  }
  return assert.fail("the call succeeds")
}

describe("SystemErrorText", () => {
  it.each<readonly [string, () => void]>([
    ["no such file or directory", () => Fs.readFileSync("/nosuch, open 'x'")],
    ["no such file or directory", () => Fs.renameSync("/nosuch", "/other")],
    ["illegal operation on a directory", () => Fs.readFileSync("/")],
    ["not a directory", () => Fs.readdirSync("/dev/null")]
  ])("format returns %s without code, call and path", (text, call) =>
    assert.strictEqual(SystemErrorText.format(errorOf(call)), text)
  )

  it.each([
    [
      Object.assign(new Error("connect ENETDOWN 192.0.2.1:80 - Local (0.0.0.0:0)"), { code: "ENETDOWN" }),
      "the network is down"
    ],
    [Object.assign(new Error("spawn /bin/x EMFILE"), { code: "EMFILE" }), "too many open files"],
    [Object.assign(new Error("send EXYZ"), { code: "EXYZ" }), "system error EXYZ"],
    [Object.assign(new Error("no constructor"), { code: "constructor" }), "no constructor"],
    [new Error("ENOSPC: no space left on device, write"), "no space left on device"],
    [new Error("a\u001b]0;x\u0007\r\nb"), "a\\u001b]0;x\\u0007\\u000d\\u000ab"],
    ["text", "text"]
  ])("format of %s", (cause, text) => assert.strictEqual(SystemErrorText.format(cause), text))
})
