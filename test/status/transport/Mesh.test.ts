import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
import * as Network from "../../../src/network/Network.ts"
import * as Mesh from "../../../src/status/transport/Mesh.ts"
import type * as Transport from "../../../src/status/transport/Transport.ts"
import { captureLog, failingNetwork, openOn, packet, textOf } from "../../suites/status/StatusTransports.ts"
import { run } from "../../support/Simulated.ts"

/** Sends from one host to many ports of another; records port, text and time of each datagram. */
const fan = (count: number, rate: number | undefined) =>
  Effect.fnUntraced(function* <A>(
    use: (
      transport: Transport.Transport,
      received: Array<{ readonly port: number; readonly text: string; readonly at: number }>,
      close: Effect.Effect<void>
    ) => Effect.Effect<A>
  ) {
    return yield* run(({ host }) =>
      Effect.gen(function* () {
        const target = yield* host("target")
        const source = yield* host("source")
        const clock = yield* Clock.Clock
        const received: Array<{ readonly port: number; readonly text: string; readonly at: number }> = []
        const ports = Array.from({ length: count }, (_, i) => 3_000 + i)
        yield* target.start(
          Effect.flatMap(Network.Network, ({ udp }) =>
            Effect.forEach(ports, (port) =>
              udp({ host: "0.0.0.0", port }, (bytes) =>
                received.push({ port, text: textOf(bytes), at: clock.currentTimeMillisUnsafe() })
              )
            )
          )
        )
        const peers = ports.map((port) => ({ address: target.address, port }))
        return yield* source.run(
          Effect.gen(function* () {
            const scope = yield* Scope.fork(yield* Effect.scope)
            const transport = yield* Scope.provide(
              Mesh.make({ peers, maxPacketsPerSecond: rate })(() => {}),
              scope
            )
            return yield* use(transport, received, Scope.close(scope, Exit.void))
          })
        )
      })
    )
  })

describe("Mesh", () => {
  for (const rate of [50, 1_000]) {
    it.effect(`spreads a round at ${rate} packets a second without bursts`, () =>
      fan(
        200,
        rate
      )((transport, received) =>
        Effect.gen(function* () {
          const whole = (200 / rate) * 1_000
          assert.strictEqual(transport.effectiveInterval(10), whole)
          assert.strictEqual(transport.effectiveInterval(60_000), 60_000)
          yield* transport.send(packet("x"))
          yield* Effect.sleep(whole + 100)
          assert.strictEqual(new Set(received.map(({ port }) => port)).size, 200)
          assert.strictEqual(received.length, 200)
          const most = (window: number) =>
            Math.max(...received.map(({ at }) => received.filter((one) => one.at >= at && one.at < at + window).length))
          assert.isAtMost(most(100), rate / 10 + 11)
          assert.isAtMost(most(1_000), rate + 11)
          assert.isAtLeast(received.at(-1)!.at - received[0]!.at, whole - 20)
        })
      )
    )
  }

  it.effect("replaces a packet that is being sent by a newer one, which all peers receive", () =>
    fan(
      100,
      100
    )((transport, received) =>
      Effect.gen(function* () {
        yield* transport.send(packet("old"))
        yield* Effect.sleep("300 millis")
        yield* transport.send(packet("new"))
        yield* Effect.sleep("1100 millis")
        const portsOf = (text: string) => received.filter((one) => one.text === text).map(({ port }) => port)
        assert.approximately(portsOf("old").length, 30, 3)
        assert.strictEqual(new Set(portsOf("new")).size, 100)
        assert.strictEqual(portsOf("new").length, 100)
        // The peers that have waited longest come first.
        assert.isFalse(portsOf("old").includes(portsOf("new")[0]!))
      })
    )
  )

  it.effect("closes its scope after the last packet is sent", () =>
    fan(
      100,
      100
    )((transport, received, close) =>
      Effect.gen(function* () {
        const before = yield* Clock.currentTimeMillis
        yield* transport.send(packet("goodbye"))
        yield* close
        assert.approximately((yield* Clock.currentTimeMillis) - before, 1_000, 30)
        yield* Effect.sleep("100 millis")
        assert.strictEqual(received.length, 100)
      })
    )
  )

  it.effect("runs a list that is an effect again, and accepts an empty one", () =>
    run(({ host }) =>
      Effect.gen(function* () {
        const list = yield* Ref.make<ReadonlyArray<Mesh.Destination>>([])
        const [a, b] = [yield* host("a"), yield* host("b")]
        const one = yield* openOn(a, Mesh.make({ peers: Ref.get(list), refresh: "2 seconds" }))
        const other = yield* openOn(b, Mesh.make({ peers: [] }))
        yield* one.sendText("to an empty list")
        yield* Ref.set(list, [{ address: b.address }])
        yield* Effect.sleep("3 seconds")
        yield* one.sendText("to one peer")
        yield* Effect.sleep("1 second")
        yield* Ref.set(list, [])
        yield* Effect.sleep("3 seconds")
        yield* one.sendText("to an empty list again")
        yield* Effect.sleep("1 second")
        assert.deepStrictEqual(other.received, ["to one peer"])
      })
    )
  )

  it.effect("retries an unreachable peer forever, and logs the failure and the recovery once each", () => {
    const { layer, lines } = captureLog()
    return run(({ host }) =>
      Effect.gen(function* () {
        const [a, b] = [yield* host("a"), yield* host("b")]
        let isDown = true
        const peers = [{ address: "192.0.2.1" }, { address: b.address }, { address: "nonsense" }]
        const one = yield* openOn(
          a,
          Mesh.make({ peers }),
          failingNetwork((to) => to === b.address && isDown)
        )
        const other = yield* openOn(b, Mesh.make({ peers: [] }))
        const sendAndWait = (text: string) => Effect.andThen(one.sendText(text), Effect.sleep("1 second"))
        yield* sendAndWait("1")
        yield* sendAndWait("2")
        isDown = false
        yield* sendAndWait("3")
        yield* sendAndWait("4")
        assert.deepStrictEqual(other.received, ["3", "4"])
        const { failed, sent } = yield* one.stats
        assert.deepStrictEqual({ failed, sent }, { failed: 10, sent: 2 })
        const about = (text: string) => lines.filter((line) => line.includes(text))
        assert.strictEqual(lines.length, 4, lines.join("\n"))
        assert.deepStrictEqual(
          about(b.address).map((line) => line.split(":")[0]),
          ["Warn", "Info"]
        )
        assert.match(about("192.0.2.1")[0]!, /^Warn: .*no route to the host/)
        assert.match(about("nonsense")[0]!, /^Warn: .*nonsense/)
      }).pipe(Effect.provide(layer))
    )
  })

  it.effect("binds to IPv6 if all peers are IPv6", () =>
    run(({ host }) =>
      Effect.gen(function* () {
        const hosts = [yield* host("a"), yield* host("b")]
        const peers = [{ address: "fd00::1" }, { address: "fd00::2" }]
        const [one, other] = yield* Effect.forEach(hosts, (host) => openOn(host, Mesh.make({ peers })))
        yield* one!.sendText("six")
        yield* Effect.sleep("1 second")
        assert.deepStrictEqual(other!.senders, [{ address: "fd00::1", port: 2066 }])
      })
    )
  )
})
