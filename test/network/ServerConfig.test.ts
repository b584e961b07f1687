import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"
import * as Schema from "effect/Schema"
import * as ServerConfig from "../../src/network/ServerConfig.ts"

const parse = (env: Record<string, string>, defaults: Parameters<typeof ServerConfig.tcp>[1] = { port: 1067 }) =>
  ServerConfig.tcp("rot13", defaults).parse(ConfigProvider.fromEnv({ env }))

describe("ServerConfig.tcp", () => {
  it.effect("reads every option from the environment variable of the command line", () =>
    Effect.gen(function* () {
      const { allow, deny, drain, idleTimeout, keepAlive, writeTimeout, ...options } = yield* parse({
        ROT13_HOST: "::1",
        ROT13_PORT: "0",
        ROT13_MAX_CONNECTIONS: "10",
        ROT13_MAX_PER_PEER: "2",
        ROT13_IDLE_TIMEOUT: "1.5s",
        ROT13_WRITE_TIMEOUT: "500ms",
        ROT13_DRAIN: "2h",
        ROT13_BACKLOG: "100",
        ROT13_CONNECTIONS_PER_SECOND: "50",
        ROT13_CONNECTIONS_PER_SECOND_PER_PEER: "5",
        ROT13_ALLOW: "10.0.0.0/8, ::1",
        ROT13_DENY: "10.1.0.0/16",
        ROT13_KEEP_ALIVE: "10m",
        ROT13_PROXY_PROTOCOL: "true"
      })
      assert.deepStrictEqual(options, {
        ...{ host: "::1", port: 0, maxConnections: 10, maxConnectionsPerPeer: 2, backlog: 100 },
        ...{ connectionsPerSecond: 50, connectionsPerSecondPerPeer: 5, proxyProtocol: true }
      })
      assert.deepStrictEqual(
        [idleTimeout, writeTimeout, drain, keepAlive].map((duration) => Duration.toMillis(duration!)),
        [1_500, 500, 7_200_000, 600_000]
      )
      assert.deepStrictEqual(allow?.map(IpNetwork.format), ["10.0.0.0/8", "::1/128"])
      assert.deepStrictEqual(deny?.map(IpNetwork.format), ["10.1.0.0/16"])
    })
  )

  it.effect("keeps the default of an option without a variable, and options that have none", () =>
    Effect.gen(function* () {
      const options = yield* parse({ ROT13_PORT: "7" }, { port: 1, backlog: 3, maxConnections: 4, drain: "1 second" })
      assert.include(options, { port: 7, backlog: 3, maxConnections: 4, drain: "1 second" })
    })
  )

  it.effect.each([
    ["ROT13_PORT", "65536", "0 to 65535"],
    ["ROT13_PORT", "http", "number"],
    ["ROT13_MAX_PER_PEER", "0", "1 to"],
    ["ROT13_DRAIN", "5 seconds", "500ms, 5s, 1m or 2h"],
    ["ROT13_ALLOW", "10.0.0.1/33", "10.0.0.0/8"],
    ["ROT13_DENY", "10.0.0.0/8,,", "10.0.0.0/8"]
  ] as const)("rejects %s=%s and names the variable and the valid values", ([name, value, expected]) =>
    Effect.gen(function* () {
      const { message } = yield* Effect.flip(parse({ [name]: value }))
      assert.include(message, name)
      assert.include(message, expected)
    })
  )
})

const byte = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))
const prefix = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 40 }))

describe("ServerConfig.parseNetworks", () => {
  it.prop(
    "reads addresses with a prefix as their networks, and refuses prefixes that are too long",
    [Schema.Array(Schema.Tuple([byte, byte, byte, byte, prefix])).check(Schema.isMinLength(1))],
    ([list]) => {
      const text = list.map(([a, b, c, d, length]) => `${a}.${b}.${c}.${d}/${length}`).join(", ")
      const networks = ServerConfig.parseNetworks(text)
      if (list.some(([, , , , length]) => length > 32)) return assert.isUndefined(networks)
      assert.strictEqual(networks?.length, list.length)
      for (const [at, [a, b, c, d]] of list.entries()) {
        const address = NetAddress.ipFromStringUnsafe(`${a}.${b}.${c}.${d}`)
        assert.isTrue(IpNetwork.contains(networks![at]!, address))
        assert.strictEqual(networks![at]!.prefixLength, list[at]![4])
      }
    }
  )

  it("reads a single address as a network of one", () => {
    assert.deepStrictEqual(ServerConfig.parseNetworks("192.0.2.7,::1")?.map(IpNetwork.format), [
      "192.0.2.7/32",
      "::1/128"
    ])
  })

  it.each([[""], [","], ["10.0.0.0/8,"], ["host"], ["10.0.0.0/-1"], ["10.0.0.0/8/8"], ["::1/129"]])(
    "refuses %j as networks",
    (text) => {
      assert.isUndefined(ServerConfig.parseNetworks(text))
    }
  )

  it("means the network of an address with a prefix", () => {
    assert.deepStrictEqual(ServerConfig.parseNetworks("10.0.0.1/8, 2001:db8::1/32")?.map(IpNetwork.format), [
      "10.0.0.0/8",
      "2001:db8::/32"
    ])
  })
})
