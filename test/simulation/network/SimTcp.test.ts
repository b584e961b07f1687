import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Network from "../../../src/network/Network.ts"
import * as ServiceNames from "../../../src/network/names/ServiceNames.ts"
import * as TcpClient from "../../../src/network/TcpClient.ts"
import { pseudoRandomBytes, readAll } from "../../support/Hosts.ts"
import { millis, pair, run, tick } from "../../support/Simulated.ts"

const names = ServiceNames.layerBuiltIn

describe("SimTcp", () => {
  /** Returns the reason for which a connection fails, and the time in milliseconds. */
  const refusal = (address: string, plan = "") =>
    run(
      Effect.fnUntraced(function* (simulation) {
        const { a } = yield* pair(simulation)
        const to = NetAddress.inetAddressFromIpStringUnsafe(address, 80)
        const attempt = Effect.flatMap(Network.Network, (network) => network.connect(to))
        const { reason } = yield* Effect.flip(a.run(attempt))
        return [reason, yield* millis] as const
      }),
      plan
    )

  it.effect.each([
    ["a closed port", "10.0.0.2", "", "Refused", 1],
    ["an address without a host", "10.0.0.99", "", "Unreachable", 3_000],
    ["an address without a route", "192.168.1.1", "", "Unreachable", 0],
    ["a partitioned host", "10.0.0.2", "partition=a>b", "TimedOut", 127_000],
    ["a crashed host", "10.0.0.2", "crash=b@0s", "TimedOut", 127_000]
  ] as const)("connect to %s fails", ([, address, plan, reason, time]) =>
    Effect.map(refusal(address, plan), (result) => assert.deepStrictEqual(result, [reason, time]))
  )

  it.effect("connect resolves the name of a host", () =>
    Effect.gen(function* () {
      const refused = yield* run(
        Effect.fnUntraced(function* (simulation) {
          const { a } = yield* pair(simulation)
          return yield* Effect.flip(a.run(Effect.provide(TcpClient.connect({ host: "b", service: "http" }), names)))
        })
      )
      assert.include(refused.message, "connection refused")
    })
  )

  it.effect("a lossy link delays a stream without losing data", () =>
    Effect.gen(function* () {
      const all = pseudoRandomBytes(200_000)
      const transfer = (loss: number) =>
        run(
          Effect.fnUntraced(function* (simulation) {
            const { a, b } = yield* pair(simulation)
            yield* simulation.link("a", "b", { loss })
            const to = NetAddress.inetAddressFromIpStringUnsafe(b.address, 80)
            yield* a.start(
              Effect.gen(function* () {
                yield* Effect.sleep("1 second")
                const connection = yield* (yield* Network.Network).connect(to)
                yield* connection.write(all.slice())
              }).pipe(Effect.scoped)
            )
            const received = yield* b.run(
              Effect.gen(function* () {
                const listener = yield* (yield* Network.Network).listen({ host: b.address, port: 80 })
                return yield* readAll(yield* listener.accept)
              })
            )
            assert.isTrue(received.equals(all))
            return yield* millis
          })
        )
      assert.isBelow(yield* transfer(0), 1_100)
      assert.isAbove(yield* transfer(0.2), 1_500)
    })
  )

  it.effect("connect on a paused host fails after it resumes", () =>
    Effect.map(refusal("10.0.0.2", "pause=a@0.2ms..2s"), (result) => assert.deepStrictEqual(result, ["Refused", 2_000]))
  )

  it.effect("a backlog of 1 has room for 2 connections, and ignores further SYNs until one is accepted", () =>
    Effect.gen(function* () {
      const times = yield* run(
        Effect.fnUntraced(function* (simulation) {
          const { a, b } = yield* pair(simulation)
          yield* b.start(
            Effect.gen(function* () {
              const listener = yield* (yield* Network.Network).listen({ host: b.address, port: 80, backlog: 1 })
              yield* Effect.sleep("10 seconds")
              yield* Effect.forever(listener.accept)
            })
          )
          const connected: Array<number> = []
          const to = NetAddress.inetAddressFromIpStringUnsafe(b.address, 80)
          const connect = Effect.flatMap(Network.Network, (network) => network.connect(to))
          yield* a.run(
            Effect.all([connect, connect, connect].map(Effect.tap(() => tick(connected))), { concurrency: 3 })
          )
          return connected
        })
      )
      // SYNs are sent at 0, 1, 3, 7 and 15 seconds.
      assert.deepStrictEqual(times, [1, 1, 15_001])
    })
  )
})
