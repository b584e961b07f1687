import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Network from "../../../src/network/Network.ts"
import * as Multicast from "../../../src/status/transport/Multicast.ts"
import { captureLog, failingNetwork, networkWithInterfaces, openOn } from "../../suites/status/StatusTransports.ts"
import { run } from "../../support/Simulated.ts"

const twice = { addresses: ["10.1.0.1/24", "10.2.0.1/24"] }

/** Wraps a network to log the groups joined and left on each interface. */
const memberships = (log: Array<string>) => (network: Network.Network["Service"]) => ({
  ...network,
  udp: (...args: Parameters<typeof network.udp>) =>
    Effect.map(network.udp(...args), (socket) => ({
      ...socket,
      join: (group: string, through?: string) =>
        Effect.andThen(
          Effect.acquireRelease(
            Effect.sync(() => log.push(`+${through}`)),
            () => Effect.sync(() => log.push(`-${through}`))
          ),
          socket.join(group, through)
        )
    }))
})

describe("Multicast", () => {
  it.effect("joins on each interface, and follows interfaces that appear and disappear", () =>
    run(({ host }) =>
      Effect.gen(function* () {
        let names = ["lo", "eth0", "eth1"]
        const log: Array<string> = []
        const wrap = (network: Network.Network["Service"]) =>
          memberships(log)(networkWithInterfaces(() => names)(network))
        const open = Multicast.make({ refresh: "2 seconds" })
        const one = yield* openOn(yield* host("one", twice), open, wrap)
        const far = yield* openOn(yield* host("far", { addresses: ["10.2.0.2/24"] }), Multicast.make())
        const sendAndWait = (text: string) => Effect.andThen(one.sendText(text), Effect.sleep("1 second"))
        yield* sendAndWait("1")
        assert.deepStrictEqual(log.splice(0).sort(), ["+10.1.0.1", "+10.2.0.1"])
        names = ["lo", "eth0"]
        yield* Effect.sleep("2500 millis")
        yield* sendAndWait("2")
        assert.deepStrictEqual(log.splice(0), ["-10.2.0.1"])
        names = ["lo", "eth0", "eth1"]
        yield* Effect.sleep("2500 millis")
        yield* sendAndWait("3")
        assert.deepStrictEqual(log.splice(0), ["+10.2.0.1"])
        yield* Effect.sleep("20 seconds")
        assert.deepStrictEqual(log, [])
        assert.deepStrictEqual(far.received, ["1", "3"])
        assert.isTrue(one.received.includes("2"))
      })
    )
  )

  it.effect("opens a failed interface again, and logs the failure and the recovery once each", () => {
    const { layer, lines } = captureLog()
    return run(({ host }) =>
      Effect.gen(function* () {
        let isDown = true
        const log: Array<string> = []
        const down = failingNetwork((_, { multicast }) => isDown && multicast?.interface === "10.2.0.1")
        const open = Multicast.make({ refresh: "2 seconds" })
        const one = yield* openOn(yield* host("one", twice), open, (network) => memberships(log)(down(network)))
        const far = yield* openOn(yield* host("far", { addresses: ["10.2.0.2/24"] }), Multicast.make())
        const sendAndWait = (text: string) => Effect.andThen(one.sendText(text), Effect.sleep("3 seconds"))
        yield* sendAndWait("1")
        yield* sendAndWait("2")
        assert.isAtLeast(log.filter((line) => line === "+10.2.0.1").length, 2)
        isDown = false
        yield* sendAndWait("3")
        yield* sendAndWait("4")
        assert.deepStrictEqual(far.received, ["3", "4"])
        assert.deepStrictEqual(
          lines.map((line) => line.split(" failed")[0]!),
          [`Warn: multicast to 239.255.20.66 on eth1`, `Info: multicast to 239.255.20.66 on eth1 works again`]
        )
        assert.deepStrictEqual(yield* one.stats, { sent: 6, failed: 2, dropped: 0 })
      }).pipe(Effect.provide(layer))
    )
  })

  it.effect("logs a failure for a requested interface until it exists", () => {
    const { layer, lines } = captureLog()
    return run(({ host }) =>
      Effect.gen(function* () {
        let names = ["lo"]
        const open = Multicast.make({ interfaces: ["eth0"], refresh: "2 seconds" })
        const one = yield* openOn(
          yield* host("one"),
          open,
          networkWithInterfaces(() => names)
        )
        const other = yield* openOn(yield* host("other"), Multicast.make())
        yield* one.sendText("1")
        assert.deepStrictEqual(yield* one.stats, { sent: 0, failed: 1, dropped: 0 })
        names = ["lo", "eth0"]
        yield* Effect.sleep("3 seconds")
        yield* one.sendText("2")
        yield* Effect.sleep("1 second")
        assert.deepStrictEqual(other.received, ["2"])
        assert.match(
          lines[0]!,
          /^Warn: multicast to 239.255.20.66 on eth0 failed, retrying: .*not an address of this host/
        )
        assert.match(lines[1]!, /^Info:/)
      }).pipe(Effect.provide(layer))
    )
  })

  it.effect("separates groups, and fails for an address that is not a multicast address", () =>
    run(({ host }) =>
      Effect.gen(function* () {
        const one = yield* openOn(yield* host("one"), Multicast.make({ group: "239.1.1.1" }))
        const same = yield* openOn(yield* host("same"), Multicast.make({ group: "239.1.1.1" }))
        const other = yield* openOn(yield* host("other"), Multicast.make())
        yield* one.sendText("x")
        yield* Effect.sleep("1 second")
        assert.deepStrictEqual([same.received, other.received], [["x"], []])
        for (const group of ["10.0.0.1", "all", "fd00::1"]) {
          const open = Multicast.make({ group })(() => {})
          const error = yield* Effect.flip((yield* host(`host-${group.replaceAll(":", "-")}`)).run(open))
          assert.strictEqual(error.reason, "InvalidAddress")
          assert.include(error.message, group)
        }
      })
    )
  )
})
