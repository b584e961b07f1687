import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as NetAddress from "effect/net/NetAddress"
import * as Pull from "effect/Pull"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Network from "../../src/network/Network.ts"
import type * as Packet from "../../src/network/Packet.ts"
import * as FaultPlanSyntax from "../../src/simulation/faults/FaultPlanSyntax.ts"
import type * as SimHost from "../../src/simulation/network/SimHost.ts"
import * as Simulation from "../../src/simulation/Simulation.ts"
import { bytes, listen, millis, pair, run, send, text, tick } from "../support/Simulated.ts"

const seeds = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1e6 }))

/** Server that counts its starts, replies with the count, and sends a datagram some time after its interruption. */
const server = (host: SimHost.SimHost, log: Array<string>) => {
  let life = 0
  return Effect.gen(function* () {
    life++
    const socket: Network.UdpSocket = yield* (yield* Network.Network).udp(
      { host: host.address, port: 9 },
      (data, from) => socket.sendUnsafe(bytes(`${life} ${text(data)}`), from)
    )
    yield* Effect.addFinalizer(() =>
      Effect.flatMap(Effect.andThen(Effect.sleep("2500 millis"), millis), (now) => {
        log.push(`ends ${now}`)
        return Effect.ignore(socket.send(bytes("last words"), { address: "10.0.0.2", port: 9 }))
      })
    )
    yield* Effect.never
  })
}

describe("hosts", () => {
  it.effect("send nothing at a crash, and start their programs again at a restart", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const seen: Array<string> = []
      const received = yield* run(
        Effect.fnUntraced(function* (simulation) {
          const a = yield* simulation.host("a")
          const b = yield* simulation.host("b")
          yield* a.start(server(a, log))
          const received: Array<string> = []
          yield* b.run(
            Effect.gen(function* () {
              const network = yield* Network.Network
              const socket = yield* network.udp({ host: b.address, port: 9 }, (data) => received.push(text(data)))
              for (let n = 0; n < 5; n++) {
                yield* socket.send(bytes(`${n}`), { address: a.address, port: 9 })
                yield* Effect.sleep("1 second")
              }
            })
          )
          return received
        }),
        "crash=a@1.5s..3.5s",
        { tap: ({ bytes, host }) => seen.push(`${host} ${text(bytes)}`) }
      )
      assert.deepStrictEqual(received, ["1 0", "1 1", "2 4"])
      assert.deepStrictEqual(log, ["ends 4000", "ends 7500"])
      // The finalizer of the first life runs when the host is up again; its datagram stays on the host.
      assert.strictEqual(seen.filter((packet) => packet === "a last words").length, 1)
    })
  )

  it.effect("time out connections while they are down, and reset them after a restart", () =>
    Effect.gen(function* () {
      const [silent, reset] = yield* run(
        Effect.fnUntraced(function* (simulation) {
          const { a, b } = yield* pair(simulation)
          yield* a.start(
            Effect.gen(function* () {
              const listener = yield* (yield* Network.Network).listen({ host: a.address, port: 80 })
              yield* Effect.forever(listener.accept)
            })
          )
          return yield* b.run(
            Effect.gen(function* () {
              const to = NetAddress.inetAddressFromIpStringUnsafe(a.address, 80)
              const connection = yield* (yield* Network.Network).connect(to)
              yield* a.crash
              yield* connection.write("hello?")
              const silent = yield* Effect.exit(Effect.timeout(connection.pull, "1 minute"))
              yield* a.restart
              yield* connection.write("hello?")
              const reset = yield* Effect.flip(Pull.catchDone(connection.pull, () => Effect.succeed(0)))
              return [silent, reset.reason] as const
            })
          )
        })
      )
      assert.isTrue(Exit.isFailure(silent) && Cause.isTimeoutError(Cause.squash(silent.cause)))
      assert.strictEqual(reset, "Reset")
    })
  )

  it.effect("lose the datagrams that arrived before a crash during a pause", () =>
    Effect.gen(function* () {
      const received = yield* run(
        Effect.fnUntraced(function* (simulation) {
          const { a, b } = yield* pair(simulation)
          const received: Array<string> = []
          yield* b.start(
            Effect.gen(function* () {
              yield* (yield* Network.Network).udp({ host: b.address, port: 9 }, (data) => received.push(text(data)))
              // Ends slowly: the socket would be closed after this.
              yield* Effect.addFinalizer(() => Effect.sleep("3 seconds"))
            })
          )
          yield* a.run(send(b, 2_000, "0", "1", "2", "3"))
          return received
        }),
        "pause=b@1s..5s, crash=b@3s..3.5s"
      )
      assert.deepStrictEqual(received, ["0", "2", "3"])
    })
  )

  it.effect("run at once after a restart during a pause", () =>
    Effect.gen(function* () {
      const ticks = yield* run(
        Effect.fnUntraced(function* (simulation) {
          const { a, b } = yield* pair(simulation)
          const ticks: Array<number> = []
          yield* b.start(Effect.forever(Effect.andThen(Effect.sleep("1 second"), tick(ticks))))
          yield* a.run(Effect.sleep("6500 millis"))
          return ticks
        }),
        "pause=b@1500ms..9s, crash=b@3s..4s"
      )
      assert.deepStrictEqual(ticks, [1_000, 5_000, 6_000])
    })
  )

  it.effect("do nothing while paused", () =>
    Effect.gen(function* () {
      const [received, ticks, accepted] = yield* run(
        Effect.fnUntraced(function* (simulation) {
          const { a, b } = yield* pair(simulation)
          const received = yield* listen(b)
          const ticks: Array<number> = []
          yield* b.start(Effect.forever(Effect.andThen(Effect.sleep("700 millis"), tick(ticks))))
          const accepted: Array<number> = []
          yield* b.start(
            Effect.gen(function* () {
              const listener = yield* (yield* Network.Network).listen({ host: b.address, port: 80 })
              yield* Effect.forever(Effect.andThen(listener.accept, tick(accepted)))
            })
          )
          yield* a.start(
            Effect.gen(function* () {
              yield* Effect.sleep("1500 millis")
              const to = NetAddress.inetAddressFromIpStringUnsafe(b.address, 80)
              yield* (yield* Network.Network).connect(to)
              yield* Effect.never
            })
          )
          yield* a.run(send(b, 1_000, "0", "1", "2", "3"))
          return [received.map(([time, n]) => [n, time]), ticks, accepted] as const
        }),
        "pause=b@1s..3s"
      )
      assert.deepStrictEqual(received, [
        ["0", 0.5],
        ["1", 3_000],
        ["2", 3_000],
        ["3", 3_000.5]
      ])
      assert.deepStrictEqual(ticks, [700, 3_000, 3_700])
      assert.deepStrictEqual(accepted, [3_000])
    })
  )
})

describe("runs", () => {
  const noisy = Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
    const { a, b } = yield* pair(simulation)
    yield* simulation.link("a", "b", { latency: ["1 millis", "20 millis"], loss: 0.1 })
    yield* listen(b)
    const chance = yield* Random.nextInt
    yield* a.run(send(b, 5, ...Array.from({ length: 50 }, (_, n) => `${n} ${chance}`)))
  })
  const trace = Effect.fnUntraced(function* (seed: number) {
    const seen: Array<Packet.ObservedPacket> = []
    const tap = (one: Packet.ObservedPacket) => void seen.push({ ...one, bytes: one.bytes.slice() })
    yield* Simulation.run(noisy, { seed, tap, plan: FaultPlanSyntax.parseUnsafe("dup=10%, delay=20% 1ms..9ms") })
    return seen
  })

  it.effect.prop(
    "send the same packets at the same times for the same seed, and others for another",
    { seed: seeds },
    (it) =>
      Effect.gen(function* () {
        const one = yield* trace(it.seed)
        assert.deepStrictEqual(one, yield* trace(it.seed))
        assert.notDeepEqual(one, yield* trace(it.seed + 1))
      })
  )

  it.live("take at most three times as long for ten idle hours as for ten idle minutes", () =>
    Effect.gen(function* () {
      const idle = (duration: Duration.Input) =>
        Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
          for (let n = 0; n < 20; n++) yield* listen(yield* simulation.host(`h${n}`))
          yield* Effect.sleep(duration)
        })
      const cpuMicros = (duration: Duration.Input) =>
        Effect.gen(function* () {
          const start = process.cpuUsage()
          for (let n = 0; n < 5; n++) yield* run(idle(duration), "", { deadline: "1 day" })
          const { system, user } = process.cpuUsage(start)
          return system + user
        })
      yield* cpuMicros("10 minutes")
      const minutes: Array<number> = []
      const hours: Array<number> = []
      // The best of several, because other work of this process counts too.
      for (let tries = 0; tries < 5; tries++) {
        minutes.push(yield* cpuMicros("10 minutes"))
        hours.push(yield* cpuMicros("10 hours"))
      }
      assert.isAtMost(Math.min(...hours), 3 * Math.min(...minutes))
    })
  )
})
