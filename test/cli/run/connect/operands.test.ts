import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as operands from "../../../../src/cli/run/connect/operands.ts"

const none = { unix: undefined, exec: undefined }
const exec = { ...none, exec: "cat" }
const unix = { ...none, unix: "/run/x.sock" }

describe("operands", () => {
  it("ofConnect takes HOST and PORT, and arguments only for a command", () => {
    assert.deepStrictEqual(
      operands.ofConnect(["localhost", "80"], none),
      Result.succeed({ host: "localhost", service: "80", commandArguments: [] })
    )
    assert.deepStrictEqual(
      operands.ofConnect(["h", "80", "-n", "x"], exec),
      Result.succeed({ host: "h", service: "80", commandArguments: ["-n", "x"] })
    )
    assert.deepStrictEqual(
      operands.ofConnect(["-n"], { ...exec, ...unix, exec: "cat" }),
      Result.succeed({ host: undefined, service: undefined, commandArguments: ["-n"] })
    )
    for (const [given, selection] of [
      [[], none],
      [["h"], none],
      [["h", "80", "x"], none],
      [["h"], unix]
    ] as const) {
      assert.isTrue(Result.isFailure(operands.ofConnect(given, selection)), given.join(" "))
    }
  })

  it("ofListen takes an optional HOST, and decides by the first number where a command has arguments", () => {
    const parsed = (given: ReadonlyArray<string>, selection: { unix?: string; exec?: string } = {}) => {
      const result = operands.ofListen(given, { ...none, ...selection })
      if (Result.isFailure(result)) return undefined
      const { commandArguments, host, service } = result.success
      return [host, service, ...commandArguments]
    }
    assert.deepStrictEqual(parsed(["9000"]), [undefined, "9000"])
    assert.deepStrictEqual(parsed(["rot13"]), [undefined, "rot13"])
    assert.deepStrictEqual(parsed(["::", "9000"]), ["::", "9000"])
    assert.deepStrictEqual(parsed(["9000", "5"], { exec: "sleep" }), [undefined, "9000", "5"])
    assert.deepStrictEqual(parsed(["127.0.0.1", "9000", "5"], { exec: "sleep" }), ["127.0.0.1", "9000", "5"])
    assert.deepStrictEqual(parsed(["5"], { exec: "sleep", unix: "/x" }), [undefined, undefined, "5"])
    assert.deepStrictEqual(parsed([]), undefined)
    assert.deepStrictEqual(parsed(["::", "9000", "x"]), undefined)
    assert.deepStrictEqual(parsed(["9000"], { unix: "/x" }), undefined)
  })
})
