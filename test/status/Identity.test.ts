import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as IpInterface from "effect/net/IpInterface"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import * as Network from "../../src/network/Network.ts"
import * as Identity from "../../src/status/Identity.ts"

const none = () => Effect.die("no socket is needed")

const withMacs = (...macs: ReadonlyArray<string>) =>
  Network.Network.of({
    listen: none,
    connect: none,
    udp: none,
    availableSockets: () => 0,
    interfaces: Effect.succeed(
      macs.map((mac, at) => ({
        name: `eth${at}`,
        address: IpInterface.fromStringUnsafe("10.0.0.1/8"),
        scopeId: 0,
        loopback: at === 0,
        mac
      }))
    )
  })

const lo = "00:00:00:00:00:00"
const mac = "02:00:00:00:00:01"

const make = (name: string, ...macs: ReadonlyArray<string>) =>
  Effect.provideService(Identity.make({ name, course: false }), Network.Network, withMacs(lo, ...macs))

describe("Identity", () => {
  it.effect.prop("makes ids of 16 digits that differ by name and host", [Schema.String, Schema.String], (names) =>
    Effect.gen(function* () {
      const [one, other] = yield* Effect.forEach(names, (name) => make(name, mac))
      assert.match(one!.id, /^[0-9a-f]{16}$/)
      assert.strictEqual(one!.id === other!.id, names[0].toWellFormed() === names[1].toWellFormed())
      assert.notStrictEqual((yield* make(names[0], "02:00:00:00:00:02")).id, one!.id)
    })
  )

  it.effect("uses the first interface with a hardware address", () =>
    Effect.gen(function* () {
      const { id } = yield* make("a", mac)
      assert.strictEqual((yield* make("a", lo, mac)).id, id)
      assert.notStrictEqual((yield* make("a")).id, id)
    })
  )

  it.effect("makes a greater incarnation at each start, in microseconds", () =>
    Effect.gen(function* () {
      const first = yield* make("a")
      yield* TestClock.adjust("1 millis")
      const second = yield* make("a")
      assert.strictEqual(second.incarnation - first.incarnation, 1_000)
    })
  )

  it.effect("uses only the name in the course's dialect", () =>
    Effect.gen(function* () {
      const network = withMacs(lo)
      const options = { name: "bob", id: "00000000000000ff" }
      const given = Identity.make({ ...options, course: false })
      const course = Identity.make({ ...options, course: true })
      assert.strictEqual((yield* Effect.provideService(given, Network.Network, network)).id, options.id)
      assert.deepStrictEqual(yield* Effect.provideService(course, Network.Network, network), {
        id: "course:bob",
        incarnation: 0
      })
    })
  )
})
