import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as PortList from "../../../src/inspect/scan/PortList.ts"

const names = new Map([
  ["http", 80],
  ["ssh", 22],
  ["x-y", 7]
])
const parse = (text: string, transport: "tcp" | "udp" = "tcp") =>
  PortList.parse(text, transport, (name) => names.get(name))
const ports = (text: string, transport: "tcp" | "udp" = "tcp") => Result.getOrThrow(parse(text, transport))
const failure = (text: string) => Result.match(parse(text), { onFailure: (message) => message, onSuccess: String })

describe("PortList", () => {
  it("reads numbers, ranges and names, each port once", () => {
    assert.deepStrictEqual(ports("22,http, 20-23 ,x-y,ssh"), [22, 80, 20, 21, 23, 7])
    assert.deepStrictEqual(ports("-3"), [1, 2, 3])
    assert.deepStrictEqual(ports("65534-"), [65_534, 65_535])
    assert.strictEqual(ports("-").length, 65_535)
  })

  it("knows the hundred most frequent ports of each transport", () => {
    assert.deepStrictEqual([ports("top100").length, ports("top100", "udp").length], [100, 100])
    assert.includeMembers([...ports("top100")], [22, 80, 443, 3_389])
    assert.includeMembers([...ports("top100", "udp")], [53, 69, 123, 161])
  })

  it.each([
    ["", 'invalid port ""'],
    ["80,,81", 'invalid port ""'],
    ["0", 'invalid port "0": must be from 1 to 65535'],
    ["65536", 'invalid port "65536": must be from 1 to 65535'],
    ["-0-5", 'invalid port "-0-5": must be a port from 1 to 65535'],
    ["5-1", 'invalid range of ports "5-1": ends before its start; write 1-5'],
    ["1-70000", 'invalid range of ports "1-70000": must be within 1 to 65535'],
    ["nope", 'invalid port "nope": must be a port from 1 to 65535, a range such as 1-1024, a service name'],
    ["\u001b[2J", 'invalid port "\\u001b[2J"']
  ])("refuses %j in one line", (text, expected) => {
    const message = failure(text)
    assert.isTrue(message.startsWith(expected), message)
    assert.notInclude(message, "\n")
  })

  it.prop("returns ports or a line for any text", [Schema.String], ([text]) => {
    const parsed = parse(text)
    if (Result.isFailure(parsed)) assert.notMatch(parsed.failure, /\n/)
    else assert.isTrue(parsed.success.every((port) => port >= 1 && port <= 65_535))
  })
})
