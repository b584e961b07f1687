import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as PortScan from "../../src/inspect/PortScan.ts"
import * as PortTest from "../../src/inspect/scan/PortTest.ts"
import * as Network from "../../src/network/Network.ts"
import * as Rot13Udp from "../../src/rot13/Rot13Udp.ts"
import type * as SimHost from "../../src/simulation/network/SimHost.ts"
import * as Simulated from "../support/Simulated.ts"

/** Listens on a port of a simulated host; a greeting is sent to each client. */
const listen = (host: SimHost.SimHost, port: number, greeting = "") =>
  host.start(
    Effect.gen(function* () {
      const network = yield* Network.Network
      const listener = yield* network.listen({ host: host.address.includes(":") ? "::" : "0.0.0.0", port })
      while (true) {
        const connection = yield* listener.accept
        if (greeting !== "") yield* Effect.ignore(connection.write(greeting))
      }
    }).pipe(Effect.scoped, Effect.ignore)
  )

const collect = (options: PortScan.Options) => Effect.provide(Stream.runCollect(PortScan.scan(options)), PortTest.layer)

const portsOf = (events: ReadonlyArray<PortScan.ScanEvent>) =>
  events.flatMap((event) => (event._tag === "Port" ? [event] : []))

/** Returns the verdicts by address and port. */
const verdictsOf = (events: ReadonlyArray<PortScan.ScanEvent>) =>
  Object.fromEntries(portsOf(events).map(({ address, port, verdict }) => [`${address} ${port}`, verdict]))

const kinds = ["open", "closed", "filtered"] as const

const setup = Arbitrary.all({
  hosts: Arbitrary.array(Arbitrary.array(Arbitrary.schema(Schema.Literals(kinds)), { minLength: 1, maxLength: 6 }), {
    minLength: 1,
    maxLength: 3
  }),
  latencyMillis: Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 200 }))),
  lossPercent: Arbitrary.schema(Schema.Literals([0, 5, 20])),
  seed: Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 })))
})

/** First port of the scanned ones. */
const basePort = 100

describe("PortScan", () => {
  it.effect.prop(
    "finds any open, closed and filtered ports of simulated hosts, with delay, and errs with loss only by filtered",
    [setup],
    ([{ hosts, latencyMillis, lossPercent, seed }]) =>
      Effect.gen(function* () {
        const filtered = hosts.flatMap((ports, host) =>
          ports.flatMap((kind, index) => (kind === "filtered" ? [`stall *>h${host}:${basePort + index} kind=syn`] : []))
        )
        const expected: Record<string, string> = {}
        const events = yield* Simulated.run(
          Effect.fnUntraced(function* (simulation) {
            const scanned: Array<SimHost.SimHost> = []
            for (const [index, ports] of hosts.entries()) {
              const host = yield* simulation.host(`h${index}`)
              scanned.push(host)
              for (const [at, kind] of ports.entries()) if (kind === "open") yield* listen(host, basePort + at)
            }
            const scanner = yield* simulation.host("scanner")
            const ports = Array.from({ length: Math.max(...hosts.map((all) => all.length)) }, (_, at) => basePort + at)
            for (const [index, host] of scanned.entries()) {
              for (const [at, port] of ports.entries()) {
                expected[`${host.address} ${port}`] = hosts[index]![at] ?? "closed"
              }
            }
            const addresses = scanned.map(({ address }) => address)
            return yield* scanner.run(collect({ hosts: addresses, ports, identify: false }))
          }),
          filtered.join(", "),
          { seed, link: { latency: latencyMillis, loss: lossPercent / 100 } }
        )
        const found = verdictsOf(events)
        if (lossPercent === 0) return assert.deepStrictEqual(found, expected)
        // Of a host with few ports all tests may be lost, as those of a port that is filtered.
        const wrong = Object.keys(expected).filter((port) => found[port] !== expected[port])
        assert.deepStrictEqual(
          wrong.filter((port) => found[port] !== "filtered"),
          []
        )
      }),
    { arbitrary: { runs: 60 } }
  )

  for (const seed of [1, 2, 3]) {
    it.effect(
      `finds all ports of a host that loses a fifth of the packets, since it answers others (seed ${seed})`,
      () =>
        Effect.gen(function* () {
          const ports = Array.from({ length: 60 }, (_, at) => basePort + at)
          const events = yield* Simulated.run(
            Effect.fnUntraced(function* ({ host }) {
              const [server, scanner] = [yield* host("server"), yield* host("scanner")]
              for (const port of ports) if (port % 2 === 0) yield* listen(server, port)
              return yield* scanner.run(collect({ hosts: [server.address], ports, identify: false }))
            }),
            "",
            { seed, link: { latency: 20, loss: 0.2 } }
          )
          const verdicts = new Map(portsOf(events).map(({ port, verdict }) => [port, verdict]))
          for (const port of ports) assert.strictEqual(verdicts.get(port), port % 2 === 0 ? "open" : "closed")
        })
    )
  }

  it.effect("reports each host after its ports, with their numbers, and the progress up to 1", () =>
    Effect.gen(function* () {
      const events = yield* Simulated.run(
        Effect.fnUntraced(function* ({ host }) {
          const [server, scanner] = [yield* host("server"), yield* host("scanner")]
          yield* listen(server, 80)
          return yield* scanner.run(
            collect({ hosts: [server.address, server.address], ports: [80, 81, 82, 81], identify: false })
          )
        })
      )
      const host = events.findIndex(({ _tag }) => _tag === "Host")
      assert.deepInclude(events[host], { counts: { open: 1, closed: 2, filtered: 0, "open|filtered": 0 } })
      assert.strictEqual(events.slice(0, host).filter(({ _tag }) => _tag === "Port").length, 3)
      assert.deepStrictEqual(events.at(-1), { _tag: "Progress", fraction: 1 })
    })
  )

  it.effect("identifies services of a simulated host by their greeting", () =>
    Effect.gen(function* () {
      const events = yield* Simulated.run(
        Effect.fnUntraced(function* ({ host }) {
          const [server, scanner] = [yield* host("server"), yield* host("scanner")]
          yield* listen(server, 22, "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
          yield* listen(server, 2_000, "220 mx.example.org ESMTP \u001b[31m\r\n")
          yield* listen(server, 2_001, "no\u0007 such\u009b protocol\nsecond line")
          return yield* scanner.run(collect({ hosts: [server.address], ports: [22, 2_000, 2_001] }))
        })
      )
      const found = portsOf(events).sort((one, other) => one.port - other.port)
      assert.deepStrictEqual(
        found.map(({ identity }) => identity),
        [
          { service: "ssh", detail: "OpenSSH_9.2p1 Debian-2" },
          { service: "smtp", detail: "mx.example.org ESMTP \\u001b[31m" },
          { service: "unknown", detail: "no\\u0007 such\\u009b protocol" }
        ]
      )
    })
  )

  it.effect("finds open, closed and silent UDP ports, and those that answer their own protocol only", () =>
    Effect.gen(function* () {
      const events = yield* Simulated.run(
        Effect.fnUntraced(function* ({ host }) {
          const [server, scanner] = [yield* host("server"), yield* host("scanner")]
          const silent = Effect.flatMap(Network.Network, (network) =>
            network.udp({ host: "0.0.0.0", port: 9 }, () => {})
          )
          yield* server.start(silent)
          yield* server.start(Rot13Udp.serve({ host: "0.0.0.0", port: 1_067 }))
          // As a server of TFTP does, it replies from another port.
          const tftp = Effect.gen(function* () {
            const network = yield* Network.Network
            const reply = yield* network.udp({ host: "0.0.0.0" }, () => {})
            const error = Uint8Array.of(0, 5, 0, 1, 0x6e, 0x6f, 0)
            yield* network.udp({ host: "0.0.0.0", port: 69 }, (_, from) => reply.sendUnsafe(error, from))
          })
          yield* server.start(tftp)
          return yield* scanner.run(collect({ hosts: [server.address], ports: [9, 10, 69, 1_067], transport: "udp" }))
        })
      )
      const found = portsOf(events).sort((one, other) => one.port - other.port)
      assert.deepStrictEqual(
        found.map(({ identity, port, verdict }) => [port, verdict, identity?.service]),
        [
          [9, "open|filtered", undefined],
          [10, "closed", undefined],
          [69, "open", "tftp"],
          [1_067, "open", "unknown"]
        ]
      )
    })
  )

  it.effect("a connection to itself is a closed port", () =>
    Effect.gen(function* () {
      const self = { address: "10.0.0.9", port: 40_000 }
      const address = NetAddress.inetAddressFromIpStringUnsafe(self.address, self.port)
      const connection = { local: address, remote: address, abort: Effect.void }
      const network = { connect: () => Effect.succeed(connection), availableSockets: () => 100 }
      const events = yield* collect({ hosts: [self.address], ports: [self.port], identify: false }).pipe(
        Effect.provideService(Network.Network, network as unknown as Network.Network["Service"])
      )
      assert.deepStrictEqual(verdictsOf(events), { "10.0.0.9 40000": "closed" })
    }).pipe((test) => Effect.asVoid(test))
  )

  it.effect.each([
    [{ hosts: ["localhost"], ports: [1] }, 'invalid address "localhost": give an IP literal, such as 127.0.0.1 or ::1'],
    [{ hosts: ["::1"], ports: [0] }, "invalid port 0: must be from 1 to 65535"],
    [{ hosts: ["::1"], ports: [1], concurrency: 0 }, "invalid concurrency 0: must be a whole number from 1 to 65535"],
    [{ hosts: ["::1"], ports: [1], retries: -1 }, "invalid retries -1: must be a whole number from 0 to 100"],
    [{ hosts: ["::1"], ports: [1], testsPerSecond: 0 }, "invalid tests per second 0: must be above 0"]
  ] as const)("fails for invalid options: %j", ([options, message]) =>
    Effect.gen(function* () {
      const exit = yield* Simulated.run(
        Effect.fnUntraced(function* ({ host }) {
          const scanner = yield* host("scanner")
          return yield* Effect.exit(scanner.run(collect(options)))
        })
      )
      const failure = Exit.findErrorOption(exit)
      assert.strictEqual(failure._tag === "Some" ? failure.value.message : Result.succeed(exit), message)
    })
  )
})
