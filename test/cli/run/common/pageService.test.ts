import { assert, describe, it } from "@effect/vitest"
import * as NetAddress from "effect/net/NetAddress"
import * as pageService from "../../../../src/cli/run/common/pageService.ts"

const address = NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 1_067)

const rot13: pageService.PageService = {
  ...{ name: "intern", service: "rot13", values: {}, restarts: 2, sinceMillis: 5 },
  ...{ state: "ready", lastError: undefined, running: { address } }
}

const unix = { address: NetAddress.unixPathAddress("/run/rot13") }

describe("pageService.toEntry", () => {
  it("has the address, a command that tries the service, and what can be done with it", () => {
    const { stats: _, ...entry } = pageService.toEntry(rot13, true)
    assert.deepStrictEqual(entry, {
      ...{ name: "intern", state: "ready", restarts: 2, sinceMillis: 5, hasPackets: true, canRestart: true },
      ...{ address: "127.0.0.1:1067", tryIt: "printf 'Hello\\n' | nc -N 127.0.0.1 1067" }
    })
  })

  it("lacks what a service does not have while it does not run", () => {
    const { stats: _, ...entry } = pageService.toEntry({ ...rot13, state: "failed", running: undefined }, false)
    assert.deepStrictEqual(entry, {
      ...{ name: "intern", state: "failed", restarts: 2, sinceMillis: 5, hasPackets: false, canRestart: false }
    })
  })

  it("names a unix socket, whose packets nobody sees", () => {
    const entry = pageService.toEntry({ ...rot13, running: unix }, true)
    assert.deepInclude(entry, { address: "/run/rot13", tryIt: "nc -U /run/rot13", hasPackets: false })
  })

  it("does not restart an instance that stops", () => {
    assert.isFalse(pageService.toEntry({ ...rot13, state: "stopped" }, true).canRestart)
  })
})

describe("pageService.packetsOf", () => {
  it.each([
    ["rot13", {}, { protocol: "tcp", port: 1067, address: "127.0.0.1", dissector: "rot13" }],
    ["status relay", {}, { protocol: "udp", port: 1067, address: "127.0.0.1", dissector: "status" }],
    ["status", {}, { protocol: "udp", port: 1067, dissector: "status" }],
    ["tftp", { threads: 1 }, { protocol: "udp", port: 1067, address: "127.0.0.1", dissector: "tftp" }],
    ["tftp", { threads: 4 }, undefined],
    ["hangman", { model: "select" }, { protocol: "tcp", port: 1067, address: "127.0.0.1", dissector: "hangman" }],
    ["hangman", { model: "processes" }, undefined],
    ["hangman", { model: "threads", perClient: false }, undefined],
    [
      "hangman",
      { model: "threads", perClient: true },
      { protocol: "tcp", port: 1067, address: "127.0.0.1", dissector: "hangman" }
    ],
    ["farm", {}, undefined],
    ["constructor", {}, undefined]
  ] as const)("of %s with %j", (service, values, expected) => {
    assert.deepStrictEqual(pageService.packetsOf({ service, values, running: { address } }), expected)
  })
})

describe("pageService.packetsOf, of an address", () => {
  it.each([
    ["0.0.0.0", undefined],
    ["::", undefined],
    ["::ffff:0.0.0.0", undefined],
    ["::1", "::1"],
    ["::ffff:192.0.2.7", "192.0.2.7"]
  ])("%s has the packets of %s", (literal, expected) => {
    const running = { address: NetAddress.inetAddressFromIpStringUnsafe(literal, 1_067) }
    assert.strictEqual(pageService.packetsOf({ service: "rot13", values: {}, running })?.address, expected)
  })
})

describe("pageService.gameOf", () => {
  it.each([
    ["board", {}, "board"],
    ["guess", { proxyProtocol: false }, "guess"],
    ["hangman", { proxyProtocol: true }, undefined],
    ["rot13", {}, undefined]
  ] as const)("of %s with %j", (service, values, expected) => {
    assert.strictEqual(pageService.gameOf({ service, values }), expected)
  })
})
