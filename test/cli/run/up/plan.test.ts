/** The instances that `up` plans: their addresses, and what excludes each other. */
import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Cli from "../../../support/Cli.ts"
import { directory } from "../../../support/Directory.ts"
import { freePort } from "../status/StatusCli.ts"

/** Writes a configuration file, and returns its path. */
const write = Effect.fnUntraced(function* (text: string) {
  const path = (yield* directory()).inRoot("a.yaml")
  Fs.writeFileSync(path, text)
  return path
})

describe("the plan of up", () => {
  const conflicts: ReadonlyArray<readonly [services: string, message: string, ...args: ReadonlyArray<string>]> = [
    ["a: { service: rot13 }, b: { service: rot13 }", "a and b both need tcp port 1067 of 127.0.0.1"],
    [
      "a: { service: rot13, host: 0.0.0.0 }, b: { service: rot13 }",
      "a on 0.0.0.0 and b on 127.0.0.1 both need tcp port 1067"
    ],
    [
      "a: { service: tftp, host: 127.0.0.2 }, b: { service: tftp, host: '::' }",
      "a on 127.0.0.2 and b on :: both need udp port 6969"
    ],
    ["a: { service: rot13, unix: ./s }, b: { service: guess, unix: s }", "a and b both need the socket /"],
    [
      "rot13: { host: '::' }",
      "the admin server on 127.0.0.1 and rot13 on :: both need tcp port 1067",
      "--admin",
      "127.0.0.1:1067"
    ],
    [
      "peer: { service: status, transport: mesh, address: 127.0.0.2 }, local: { service: status }",
      "peer on 0.0.0.0 and local on 127.255.255.255 both need udp port 2066"
    ]
  ]
  it.live.each(conflicts)("refuses %s, of which one could not be bound", ([services, message, ...args]) =>
    Effect.gen(function* () {
      const config = yield* write(`up: { services: { ${services} } }\n`)
      const { code, stderr } = yield* Cli.runInProcess(["up", "--check", "--config", config, ...args])
      assert.include(stderr, `effect-inet: up: ${message}`)
      assert.strictEqual(code, 2)
    }).pipe(Effect.scoped)
  )

  it.live("refuses two services on one port without a file, too", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* Cli.runInProcess(["up", "--rot13-port", "1066"])
      assert.include(stderr, "rot13 and hangman both need tcp port 1066 of 127.0.0.1; give one of them another port")
      assert.strictEqual(code, 2)
    })
  )

  it.live("refuses a host that is not an address, with its place", () =>
    Effect.gen(function* () {
      const config = yield* write("up:\n  services:\n    rot13: { host: localhost }\n")
      const { stderr } = yield* Cli.runInProcess(["up", "--check", "--config", config])
      assert.include(stderr, `${config}:3:20: up.services.rot13.host: expected an IP address, such as 127.0.0.1 or ::1`)
    }).pipe(Effect.scoped)
  )

  it.live("accepts peers of status that share their port, a relay and its client", () =>
    Effect.gen(function* () {
      const config = yield* write(
        [
          "up:",
          "  services:",
          "    one: { service: status, cluster: a }",
          "    two: { service: status, cluster: b }",
          "    group: { service: status, transport: multicast }",
          "    relay: { service: status, relay: on, port: 2067 }",
          "    client: { service: status, transport: relay, address: 127.0.0.1, port: 2067 }",
          ""
        ].join("\n")
      )
      const { stderr, stdout } = yield* Cli.runInProcess(["up", "--check", "--config", config])
      assert.strictEqual(stderr, "")
      const addresses = stdout
        .trim()
        .split("\n")
        .map((line) => line.split(/ +/).slice(0, 3).join(" "))
      assert.deepStrictEqual(addresses, [
        "one status 127.255.255.255:2066",
        "two status 127.255.255.255:2066",
        "group status 0.0.0.0:2066",
        "relay status 127.0.0.1:2067",
        "client status 0.0.0.0:0"
      ])
    }).pipe(Effect.scoped)
  )

  it.live("gives the host of all instances to those that bind one", () =>
    Effect.gen(function* () {
      const peers = "lan: { service: status }, relay: { service: status, relay: on, port: 2067 }"
      const config = yield* write(`up: { host: "::1", services: { rot13: , ${peers} } }\n`)
      const { stdout } = yield* Cli.runInProcess(["up", "--check", "--json", "--config", config])
      const options = stdout
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as { readonly options: { readonly host?: string } }).options.host)
      assert.deepStrictEqual(options, ["::1", undefined, "::1"])
      const own = yield* write('up: { services: { lan: { service: status, host: "::1" } } }\n')
      const refused = yield* Cli.runInProcess(["up", "--config", own])
      assert.match(refused.stderr, /up\.services\.lan\.host is for .*mesh/)
    }).pipe(Effect.scoped)
  )

  it.live("has relays of status peers, and peers of each transport, which run", () =>
    Effect.gen(function* () {
      const relayed = yield* freePort
      const config = yield* write(
        [
          "up:",
          "  services:",
          `    relay: { service: status, relay: on, port: ${relayed} }`,
          `    client: { service: status, transport: relay, address: 127.0.0.1, port: ${relayed} }`,
          `    group: { service: status, transport: multicast, port: ${yield* freePort} }`,
          ""
        ].join("\n")
      )
      const up = yield* Cli.start(["up", "--json", "--config", config])
      for (const name of ["relay", "client", "group"])
        yield* up.waitForOutput("stdout", new RegExp(`"service":"${name}","state":"ready"`))
    }).pipe(Effect.scoped)
  )
})
