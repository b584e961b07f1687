import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Broadcast from "../../../src/status/transport/Broadcast.ts"
import { captureLog, failingNetwork, networkWithInterfaces, openOn } from "../../suites/status/StatusTransports.ts"
import { run } from "../../support/Simulated.ts"

const twice = { addresses: ["10.1.0.1/24", "10.2.0.1/24"] }

describe("Broadcast", () => {
  it.effect("follows an interface that disappears and returns", () =>
    run(({ host }) =>
      Effect.gen(function* () {
        let names = ["lo", "eth0", "eth1"]
        const one = yield* openOn(
          yield* host("one", twice),
          Broadcast.make({ refresh: "2 seconds" }),
          networkWithInterfaces(() => names)
        )
        const far = yield* openOn(yield* host("far", { addresses: ["10.2.0.2/24"] }), Broadcast.make())
        assert.strictEqual(one.transport().label, "broadcast to 255.255.255.255, 10.1.0.255, 10.2.0.255 port 2066")
        const sendAndWait = (text: string) => Effect.andThen(one.sendText(text), Effect.sleep("2500 millis"))
        yield* sendAndWait("1")
        names = ["lo", "eth0"]
        yield* Effect.sleep("2 seconds")
        yield* sendAndWait("2")
        names = ["lo", "eth0", "eth1"]
        yield* Effect.sleep("2 seconds")
        yield* sendAndWait("3")
        assert.deepStrictEqual(far.received, ["1", "3"])
      })
    )
  )

  it.effect("uses the loopback broadcast on a host without a network, until it has one", () =>
    run(({ host }) =>
      Effect.gen(function* () {
        let names = ["lo"]
        const both = yield* host("both", { addresses: ["10.1.0.1/24"] })
        const one = yield* openOn(
          both,
          Broadcast.make({ refresh: "2 seconds" }),
          networkWithInterfaces(() => names)
        )
        const two = yield* openOn(both, Broadcast.make())
        const far = yield* openOn(yield* host("far", { addresses: ["10.1.0.2/24"] }), Broadcast.make())
        yield* one.sendText("alone")
        yield* Effect.sleep("1 second")
        names = ["lo", "eth0"]
        yield* Effect.sleep("2 seconds")
        yield* one.sendText("together")
        yield* Effect.sleep("1 second")
        assert.deepStrictEqual(two.received, ["alone", "together"])
        assert.deepStrictEqual(far.received, ["together"])
      })
    )
  )

  it.effect("falls back to the directed broadcast if the limited one has no route, and logs that once", () => {
    const { layer, lines } = captureLog()
    return run(({ host }) =>
      Effect.gen(function* () {
        const one = yield* openOn(
          yield* host("one"),
          Broadcast.make(),
          failingNetwork((to) => to === "255.255.255.255")
        )
        const other = yield* openOn(yield* host("other"), Broadcast.make())
        yield* one.sendText("1")
        yield* one.sendText("2")
        yield* Effect.sleep("1 second")
        assert.deepStrictEqual(other.received, ["1", "2"])
        assert.deepStrictEqual(yield* one.stats, { sent: 2, failed: 2, dropped: 0 })
        assert.strictEqual(lines.length, 1)
        assert.match(lines[0]!, /^Warn: broadcast to 255\.255\.255\.255 failed, retrying: .*no route to the host/)
      }).pipe(Effect.provide(layer))
    )
  })

  it.effect("counts ENETUNREACH without failing, and logs its begin and end once each", () => {
    const { layer, lines } = captureLog()
    return run(({ host }) =>
      Effect.gen(function* () {
        let isDown = true
        const one = yield* openOn(
          yield* host("one", twice),
          Broadcast.make(),
          failingNetwork(() => isDown)
        )
        const other = yield* openOn(yield* host("other", { addresses: ["10.1.0.2/24"] }), Broadcast.make())
        for (const text of ["1", "2", "3"]) yield* one.sendText(text)
        assert.deepStrictEqual(yield* one.stats, { sent: 0, failed: 9, dropped: 0 })
        isDown = false
        yield* one.sendText("4")
        yield* one.sendText("5")
        yield* Effect.sleep("1 second")
        assert.deepStrictEqual([...new Set(other.received)], ["4", "5"])
        const levels = lines.map((line) => line.split(":")[0])
        assert.deepStrictEqual(levels, ["Warn", "Warn", "Warn", "Info", "Info", "Info"])
      }).pipe(Effect.provide(layer))
    )
  })

  it.effect("sends only to the given addresses, and fails for one that is not an IPv4 address", () =>
    run(({ host }) =>
      Effect.gen(function* () {
        const one = yield* openOn(yield* host("one", twice), Broadcast.make({ addresses: ["10.2.0.255"], port: 99 }))
        const near = yield* openOn(yield* host("near", { addresses: ["10.1.0.2/24"] }), Broadcast.make({ port: 99 }))
        const far = yield* openOn(yield* host("far", { addresses: ["10.2.0.2/24"] }), Broadcast.make({ port: 99 }))
        yield* one.sendText("far only")
        yield* Effect.sleep("1 second")
        assert.deepStrictEqual([near.received, far.received], [[], ["far only"]])
        for (const address of ["ff02::1", "broadcasthost", "10.0.0"]) {
          const open = Broadcast.make({ addresses: [address] })(() => {})
          const error = yield* Effect.flip((yield* host(`host-${address.replaceAll(":", "-")}`)).run(open))
          assert.strictEqual(error.reason, "InvalidAddress")
          assert.include(error.message, address)
        }
      })
    )
  )
})
