import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Network from "../../../src/network/Network.ts"
import type * as Packet from "../../../src/network/Packet.ts"
import * as SimCheck from "../../../src/simulation/SimCheck.ts"
import * as Relay from "../../../src/status/transport/Relay.ts"
import * as RelayClient from "../../../src/status/transport/RelayClient.ts"
import * as RelayMessage from "../../../src/status/wire/RelayMessage.ts"
import { captureLog, openOn, packet, relay } from "../../suites/status/StatusTransports.ts"
import { run } from "../../support/Simulated.ts"

/** Records the kinds and times, in milliseconds, of the messages sent to the relay. */
const watch = (address: string) => {
  const sent: Array<{ readonly at: number; readonly kind: string }> = []
  const tap: Packet.Tap = ({ at, bytes, to }) => {
    if (to.address === address) sent.push({ at: Number(at) / 1e6, kind: RelayMessage.decode(bytes)?._tag ?? "packet" })
  }
  const times = (kind: string) => sent.filter((one) => one.kind === kind).map(({ at }) => at)
  return { tap, times }
}

describe("RelayClient", () => {
  it.effect("renews after a third of its lease, with jitter, and sends `Leave` when its scope closes", () => {
    const { tap, times } = watch("10.0.0.1")
    return run(
      ({ host }) =>
        Effect.gen(function* () {
          const agent = yield* relay(yield* host("relay"))
          const one = yield* host("one")
          yield* one.run(
            Effect.gen(function* () {
              const scope = yield* Scope.fork(yield* Effect.scope)
              yield* Scope.provide(
                RelayClient.make({ relay: agent })(() => {}),
                scope
              )
              yield* Effect.sleep("5 minutes")
              assert.strictEqual((yield* agent.stats).subscribers, 1)
              yield* Scope.close(scope, Exit.void)
              yield* Effect.sleep("10 millis")
              assert.strictEqual((yield* agent.stats).subscribers, 0)
            })
          )
          // Two requests for a cookie and a lease; later a client with an expired cookie needs two again.
          const asked = times("Subscribe")
          assert.isBelow(asked[1]!, 10)
          const gaps = asked.slice(2).map((at, i) => at - asked[i + 1]!)
          const long = gaps.filter((gap) => gap > 100)
          for (const gap of long) assert.isTrue(gap >= 8_000 && gap <= 10_010, `${gap}`)
          assert.isAbove(new Set(long.map(Math.round)).size, 5)
          assert.isAtMost(gaps.length - long.length, 5)
          assert.strictEqual(times("Leave").length, 1)
        }),
      "",
      { tap }
    )
  })

  it.effect(
    "retries an unreachable relay at least every 5 seconds, and logs the failure and the recovery once each",
    () => {
      const { layer, lines } = captureLog()
      const { tap, times } = watch("10.0.0.1")
      return run(
        ({ host }) =>
          Effect.gen(function* () {
            const machine = yield* host("relay")
            const one = yield* openOn(yield* host("one"), RelayClient.make({ relay: machine }))
            yield* Effect.sleep("10 minutes")
            assert.strictEqual(lines.length, 1)
            assert.match(lines[0]!, /^Warn: relay 10\.0\.0\.1 port 2066 failed, retrying: no reply/)
            const asked = times("Subscribe")
            const gaps = asked.slice(1).map((at, i) => at - asked[i]!)
            assert.isAtMost(Math.max(...gaps), 5_000)
            assert.isAtLeast(Math.min(...gaps.slice(4)), 4_000)
            yield* relay(machine)
            const other = yield* openOn(yield* host("other"), RelayClient.make({ relay: machine }))
            yield* Effect.sleep("5100 millis")
            yield* one.sendText("hello")
            yield* Effect.sleep("10 millis")
            assert.deepStrictEqual(other.received, ["hello"])
            assert.strictEqual(lines.length, 2)
            assert.match(lines[1]!, /^Info: relay 10\.0\.0\.1 port 2066 works again/)
          }).pipe(Effect.provide(layer)),
        "",
        { tap }
      )
    }
  )

  it.effect("sends the last packet again once it is subscribed, and not when its cookie has expired", () =>
    run(({ host }) =>
      Effect.gen(function* () {
        const machine = yield* host("relay")
        const agent = yield* relay(machine)
        const other = yield* openOn(yield* host("other"), RelayClient.make({ relay: machine }))
        yield* Effect.sleep("1 second")
        const one = yield* openOn(yield* host("one"), RelayClient.make({ relay: machine }))
        yield* one.sendText("first")
        yield* Effect.sleep("1 second")
        assert.deepStrictEqual(other.received, ["first"])
        const { challenged } = yield* agent.stats
        yield* Effect.sleep("5 minutes")
        assert.isAbove((yield* agent.stats).challenged, challenged)
        assert.deepStrictEqual(other.received, ["first"])
      })
    )
  )

  it.effect("subscribes again, with its next packet, to a relay that restarted with another secret", () =>
    run(({ host }) =>
      Effect.gen(function* () {
        const machine = yield* host("relay")
        let starts = 0
        const program = Effect.suspend(() =>
          Relay.make({ host: "0.0.0.0", secret: Redacted.make(`secret ${starts++}`) })
        ).pipe(Effect.provide(NodeCrypto.layerMac))
        yield* machine.start(program)
        const open = RelayClient.make({ relay: machine })
        const stations = yield* Effect.forEach(["a", "b", "c"], (name) =>
          Effect.flatMap(host(name), (host) => openOn(host, open))
        )
        const round = (text: string) =>
          Effect.andThen(
            Effect.forEach(stations, (one) => one.sendText(`${text} ${one.name}`)),
            Effect.sleep("1 second")
          )
        yield* Effect.sleep("1 second")
        yield* round("1")
        yield* machine.crash
        yield* round("2")
        yield* machine.restart
        yield* round("3")
        for (const one of stations) one.received.length = 0
        yield* round("4")
        for (const { received, name } of stations) {
          assert.deepStrictEqual(
            [...received].sort(),
            ["4 a", "4 b", "4 c"].filter((text) => !text.endsWith(name))
          )
        }
      })
    )
  )

  it.effect("retries a full relay until it has room, and logs the failure once", () => {
    const { layer, lines } = captureLog()
    return run(({ host }) =>
      Effect.gen(function* () {
        const agent = yield* relay(yield* host("relay"), { maxSubscribers: 1 })
        const first = yield* host("first")
        yield* openOn(first, RelayClient.make({ relay: agent, lease: "3 seconds" }))
        yield* Effect.sleep("1 second")
        yield* openOn(yield* host("second"), RelayClient.make({ relay: agent }))
        yield* Effect.sleep("30 seconds")
        assert.strictEqual((yield* agent.stats).subscribers, 1)
        yield* first.crash
        yield* Effect.sleep("10 seconds")
        assert.strictEqual((yield* agent.stats).subscribers, 1)
        assert.deepStrictEqual(
          lines.map((line) => line.replace(/^(\w+): .* (\w+)$/, "$1 $2")),
          ["Warn full", "Info again"]
        )
      }).pipe(Effect.provide(layer))
    )
  })

  it.effect("ignores datagrams that are not from the relay", () =>
    run(({ host }) =>
      Effect.gen(function* () {
        const agent = yield* relay(yield* host("relay"))
        const one = yield* openOn(yield* host("one"), RelayClient.make({ relay: agent, port: 4_000 }))
        const liar = yield* host("liar")
        yield* Effect.sleep("1 second")
        const { challenged } = yield* agent.stats
        yield* liar.run(
          Effect.gen(function* () {
            const socket = yield* (yield* Network.Network).udp({ host: "0.0.0.0", port: 2066 }, () => {})
            const forged = RelayMessage.forwardedMessage(
              RelayMessage.forwardedHeader({ address: "10.9.9.9", port: 1 }),
              packet("lie")
            )
            const challenge = RelayMessage.encode({ _tag: "Challenge", lease: 0, cookie: RelayMessage.zeroCookie })
            for (const bytes of [forged, packet("lie"), challenge, new Uint8Array()]) {
              yield* socket.send(bytes, { address: "10.0.0.2", port: 4_000 })
            }
          })
        )
        yield* Effect.sleep("1 second")
        assert.deepStrictEqual(one.received, [])
        assert.strictEqual((yield* agent.stats).challenged, challenged)
      })
    )
  )

  it.effect("fails for a relay that is not an IP address", () =>
    run(({ host }) =>
      Effect.gen(function* () {
        const open = RelayClient.make({ relay: { address: "relay.example" } })(() => {})
        const error = yield* Effect.flip((yield* host("one")).run(open))
        assert.strictEqual(error.reason, "InvalidAddress")
        assert.include(error.message, "relay.example")
      })
    )
  )

  it.effect("delivers only packets that were sent, under any faults, and all packets once the faults have ended", () =>
    SimCheck.check(
      Effect.fnUntraced(function* ({ heal, host, sometimes }) {
        const machine = yield* host("relay")
        yield* relay(machine)
        const stations = yield* Effect.forEach(["a", "b", "c"], (name) =>
          Effect.flatMap(host(name), (host) => openOn(host, RelayClient.make({ relay: machine, lease: "3 seconds" })))
        )
        for (let i = 0; i < 10; i++) {
          for (const one of stations) yield* one.sendText(`${one.name} ${i}`)
          yield* Effect.sleep("1 second")
        }
        const all = stations.flatMap(({ received }) => received)
        for (const text of all) assert.match(text, /^[abc] \d$/)
        yield* sometimes("lost", new Set(all).size < 30)
        yield* heal
        // The first packet renews the ended leases.
        for (const one of stations) yield* one.sendText("awake")
        yield* Effect.sleep("6 seconds")
        for (const one of stations) one.received.length = 0
        for (const one of stations) yield* one.sendText(one.name)
        yield* Effect.sleep("1 second")
        for (const { received, name } of stations) {
          assert.deepStrictEqual(
            [...received].sort(),
            ["a", "b", "c"].filter((one) => one !== name)
          )
        }
      }),
      { runs: 20, plan: "drop=30%, dup=10%, reorder=10% 300ms, partition=a|relay@2s..8s" }
    )
  )
})
