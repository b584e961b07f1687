import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as Discovery from "../../../../src/cli/run/primes/discovery.ts"
import { layer as NodeHmac } from "../../../../src/cli/run/status/NodeHmac.ts"
import * as Simulated from "../../../support/Simulated.ts"

const announced = (address: string, port: number, key?: string) =>
  Discovery.announce(NetAddress.inetAddressFromIpStringUnsafe(address, port), {
    name: `${port}@server`,
    key: key === undefined ? undefined : Redacted.make(key)
  })

/** Collects the lists that a farm finds. */
const discovered = (lists: Array<string>, key?: string) =>
  Discovery.discover({ name: "farm", key: key === undefined ? undefined : Redacted.make(key) }).pipe(
    Effect.flatMap(Stream.runForEach((hosts) => Effect.sync(() => void lists.push(hosts.join(" ")))))
  )

describe("the discovery of prime servers", () => {
  it.effect("finds those that announce themselves, and forgets those that say goodbye or are silent for long", () =>
    Effect.gen(function* () {
      const { lists, own } = yield* Simulated.run(({ host }) =>
        Effect.gen(function* () {
          const [farm, one, two] = yield* Effect.all([host("farm"), host("one"), host("two")])
          const lists: Array<string> = []
          yield* farm.start(discovered(lists))
          yield* one.start(announced("0.0.0.0", 1_070))
          yield* Effect.sleep("2 seconds")
          yield* two.run(Effect.andThen(announced(two.address, 1_071), Effect.sleep("3 seconds")))
          yield* Effect.sleep("1 second")
          yield* one.crash
          yield* Effect.sleep("30 seconds")
          assert.strictEqual(lists.at(-1), `${one.address}:1070`)
          yield* Effect.sleep("1 minute")
          assert.strictEqual(lists.at(-1), "")
          yield* one.restart
          yield* Effect.sleep("2 seconds")
          return { lists, own: [one.address, two.address] }
        }).pipe(Effect.orDie)
      )
      const [one, two] = own
      assert.deepStrictEqual(lists, [
        ...["", `${one}:1070`, `${one}:1070 ${two}:1071`, `${one}:1070`, "", `${one}:1070`]
      ])
    })
  )

  it.effect("announces a server of this machine only there", () =>
    Effect.gen(function* () {
      const { lists } = yield* Simulated.run(({ host }) =>
        Effect.gen(function* () {
          const [farm, one] = yield* Effect.all([host("farm"), host("one")])
          const [near, far]: ReadonlyArray<Array<string>> = [[], []]
          yield* farm.start(discovered(far!))
          yield* one.start(discovered(near!))
          yield* one.start(announced("127.0.0.1", 1_070))
          yield* Effect.sleep("5 seconds")
          return { lists: [far, near] }
        }).pipe(Effect.orDie)
      )
      assert.deepStrictEqual(lists, [[""], ["", "127.0.0.1:1070"]])
    })
  )

  it.effect("finds with a key only the servers that have it", () =>
    Effect.gen(function* () {
      const { lists } = yield* Simulated.run(({ host }) =>
        Effect.gen(function* () {
          const [farm, one, two, three] = yield* Effect.all([host("farm"), host("one"), host("two"), host("three")])
          const lists: Array<string> = []
          yield* farm.start(Effect.provide(discovered(lists, "secret"), NodeHmac))
          yield* one.start(Effect.provide(announced("0.0.0.0", 1_070, "secret"), NodeHmac))
          yield* two.start(Effect.provide(announced("0.0.0.0", 1_070, "guessed"), NodeHmac))
          yield* three.start(announced("0.0.0.0", 1_070))
          yield* Effect.sleep("5 seconds")
          assert.deepStrictEqual(lists, ["", `${one.address}:1070`])
          return { lists }
        }).pipe(Effect.orDie)
      )
      assert.lengthOf(lists, 2)
    })
  )
})
