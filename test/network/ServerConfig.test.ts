import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as IpNetwork from "effect/net/IpNetwork"
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
    ["ROT13_ALLOW", "10.0.0.1/8", "10.0.0.0/8"],
    ["ROT13_DENY", "10.0.0.0/8,,", "10.0.0.0/8"]
  ] as const)("rejects %s=%s and names the variable and the valid values", ([name, value, expected]) =>
    Effect.gen(function* () {
      const { message } = yield* Effect.flip(parse({ [name]: value }))
      assert.include(message, name)
      assert.include(message, expected)
    })
  )
})
