import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as NetAddress from "effect/net/NetAddress"
import * as Pull from "effect/Pull"
import * as Network from "../../../src/network/Network.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"
import * as Simulation from "../../../src/simulation/Simulation.ts"

/** Returns the code of an error of the platform. */
const codeOf = (reason: unknown) => (reason as { readonly cause?: { readonly code?: string } }).cause?.code ?? "unknown"

/** Pulls until the peer's FIN. */
const untilDone = <A, E, R>(pull: Pull.Pull<A, E, void, R>) => Pull.catchDone(Effect.forever(pull), () => Effect.void)

/** Runs a scenario under a plan; returns its result and its report. */
const run = <A, E>(plan: string, scenario: (simulation: Simulation.Simulation) => Effect.Effect<A, E>, seed = 1) =>
  Effect.gen(function* () {
    const report = yield* Simulation.run(scenario, { plan: FaultPlanSyntax.parseUnsafe(plan), seed })
    const value = yield* report.exit
    return { report, value }
  })

/** Sends datagrams of 1,000 bytes with headers, one every `gapNanos`; returns number and time of those received. */
const burst = (count: number, gapNanos: number) =>
  Effect.fnUntraced(function* ({ host }: Simulation.Simulation) {
    const [a, b] = [yield* host("a"), yield* host("b")]
    const start = yield* Clock.currentTimeNanos
    const received: Array<readonly [n: number, millis: number]> = []
    yield* b.start(
      Effect.gen(function* () {
        const { udp } = yield* Network.Network
        const clock = yield* Clock.Clock
        yield* udp({ host: "0.0.0.0", port: 9, receiveBuffer: 8_000_000 }, (bytes) => {
          const n = new DataView(bytes.buffer, bytes.byteOffset).getUint16(0)
          received.push([n, Number(clock.currentTimeNanosUnsafe() - start) / 1e6])
        })
        return yield* Effect.never
      })
    )
    const send = Effect.gen(function* () {
      const { udp } = yield* Network.Network
      const socket = yield* udp({ host: "0.0.0.0", port: 9 }, () => {})
      for (let n = 0; n < count; n++) {
        const bytes = new Uint8Array(972)
        new DataView(bytes.buffer).setUint16(0, n)
        yield* socket.send(bytes, { address: b.address, port: 9 })
        if (gapNanos > 0) yield* Effect.sleep(`${gapNanos} nanos`)
      }
    })
    yield* a.run(Effect.scoped(send))
    yield* Effect.sleep("10 minutes")
    return received
  })

describe("plans of a simulated network", () => {
  it.effect("bandwidth: datagrams arrive at its pace, and those beyond the queue are lost", () =>
    Effect.gen(function* () {
      const { report, value } = yield* run("bandwidth=125kB/s queue=16kB a>b", burst(100, 0))
      // Sixteen fit in the queue. The link takes 0.5 ms, and each datagram 8 ms.
      assert.deepStrictEqual(
        value,
        Array.from({ length: 16 }, (_, n) => [n, 8 * (n + 1) + 0.5])
      )
      assert.deepStrictEqual(report.faults, [100])
    })
  )

  it.effect("bandwidth: a stream has its rate, and loses nothing", () =>
    Effect.gen(function* () {
      const size = 500_000
      const { value: seconds } = yield* run("bandwidth=125kB/s queue=16kB", ({ host }) =>
        Effect.gen(function* () {
          const [a, b] = [yield* host("a"), yield* host("b")]
          let received = 0
          yield* b.start(
            Effect.gen(function* () {
              const { listen } = yield* Network.Network
              const server = yield* listen({ host: "0.0.0.0", port: 9 })
              const connection = yield* server.accept
              const onBytes = (bytes: Uint8Array) =>
                Effect.sync(() => {
                  received += bytes.length
                })
              yield* untilDone(Effect.flatMap(connection.pull, onBytes))
              yield* connection.end
            }).pipe(Effect.orDie)
          )
          const start = yield* Clock.currentTimeNanos
          const send = Effect.gen(function* () {
            const { connect } = yield* Network.Network
            const connection = yield* connect(NetAddress.inetAddressFromIpStringUnsafe(b.address, 9))
            yield* connection.write(new Uint8Array(size))
            yield* connection.end
            yield* untilDone(connection.pull)
          })
          yield* a.run(Effect.scoped(send))
          assert.strictEqual(received, size)
          return Number((yield* Clock.currentTimeNanos) - start) / 1e9
        }).pipe(Effect.orDie)
      )
      assert.isAbove(seconds, size / 125_000)
      assert.isBelow(seconds, (1.1 * size) / 125_000)
    })
  )

  it.effect("bursts lose neighbours, and reorder reorders its rate", () =>
    Effect.gen(function* () {
      const count = 4000
      const { report, value: lossy } = yield* run("drop=10% burst=10", burst(count, 1_000_000))
      const losses = report.faults[0]!
      const gaps = lossy.filter(([n], i) => n !== (lossy[i - 1]?.[0] ?? -1) + 1).length
      assert.strictEqual(lossy.length, count - losses)
      assert.isAbove(losses / gaps, 6)
      assert.closeTo(losses, 400, 3 * Math.sqrt(360 * 17))

      const { value: reordered } = yield* run("reorder=40%", burst(count, 1_000_000))
      const late = reordered.filter(([n], i) => reordered.slice(Math.max(0, i - 50), i).some(([other]) => other > n))
      assert.strictEqual(reordered.length, count)
      assert.closeTo(late.length, 1600, 3 * Math.sqrt(0.4 * 0.6 * count))
    })
  )

  it.effect("jump and drift change the clocks of their host", () =>
    Effect.gen(function* () {
      const { report, value } = yield* run("jump=a@1s +1h, jump=a@3s -500ms, drift=b@0s..10s 1000ppm", ({ host }) =>
        Effect.gen(function* () {
          const [a, b] = [yield* host("a"), yield* host("b")]
          const start = yield* Clock.currentTimeMillis
          const seen: Array<readonly [number, number]> = []
          for (const at of [500, 2000, 4000, 20_000]) {
            yield* Effect.sleep(`${at - ((yield* Clock.currentTimeMillis) - start)} millis`)
            const now = yield* Clock.currentTimeMillis
            const wrong = (millis: number) => Math.round(millis - now)
            seen.push([wrong(yield* a.run(Clock.currentTimeMillis)), wrong(yield* b.run(Clock.currentTimeMillis))])
          }
          return seen
        })
      )
      assert.deepStrictEqual(value, [
        [0, 1],
        [3_600_000, 2],
        [3_599_500, 4],
        [3_599_500, 10]
      ])
      assert.deepStrictEqual(report.faults, [1, 1, 1])
    })
  )

  it.effect("disks of a host fail, are full and are slow", () =>
    Effect.gen(function* () {
      const plan = "disk-error=#1 a kind=sync, disk-full=a@1s..2s, disk-slow=#1 b 250ms"
      const { report, value } = yield* run(plan, ({ host }) =>
        Effect.gen(function* () {
          const [a, b] = [yield* host("a"), yield* host("b")]
          const write = Effect.gen(function* () {
            const fs = yield* FileSystem.FileSystem
            const file = yield* fs.open("/file", { flag: "w" })
            yield* file.writeAll(new Uint8Array(10))
            yield* file.sync
          }).pipe(
            Effect.scoped,
            Effect.match({ onSuccess: () => "written", onFailure: ({ reason }) => codeOf(reason) })
          )
          const first = yield* a.run(write)
          const again = yield* a.run(write)
          yield* Effect.sleep("1 second")
          const full = yield* a.run(write)
          yield* Effect.sleep("1 second")
          const free = yield* a.run(write)
          const before = yield* Clock.currentTimeMillis
          yield* b.run(write)
          return { first, again, full, free, slow: (yield* Clock.currentTimeMillis) - before }
        })
      )
      assert.match(value.first, /^EIO/)
      assert.strictEqual(value.again, "written")
      assert.match(value.full, /^ENOSPC/)
      assert.strictEqual(value.free, "written")
      assert.isAtLeast(value.slow, 250)
      assert.isTrue(report.faults.every((count) => count >= 1))
    })
  )
})
