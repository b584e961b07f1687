import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as ConnectionRates from "../../../src/network/server/ConnectionRates.ts"

const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

/** A connection: the pause before it in milliseconds, and its address. */
const Arrivals = Schema.Array(Schema.Struct({ pause: upTo(300), peer: Schema.Literals(["a", "b"]) }))

const unlimited = { connectionsPerSecond: Infinity, connectionsPerSecondPerPeer: Infinity }

describe("ConnectionRates.take", () => {
  it.prop(
    "grants at most the burst and the rate in any interval, in total and for each address",
    [Arrivals, Schema.Literals([0.5, 2, 3]), Schema.Literals([0.5, 1, 2])],
    ([arrivals, connectionsPerSecond, connectionsPerSecondPerPeer]) => {
      const rates = ConnectionRates.make()
      const limits = { connectionsPerSecond, connectionsPerSecondPerPeer }
      const granted: Array<{ readonly at: number; readonly peer: string }> = []
      let at = 0
      for (const { pause, peer } of arrivals) {
        at += pause
        if (ConnectionRates.take(rates, limits, peer, at)) granted.push({ at, peer })
      }
      const assertWithin = (times: ReadonlyArray<number>, perSecond: number) => {
        for (const [first, from] of times.entries()) {
          for (const [last, to] of times.entries()) {
            if (last < first) continue
            const most = Math.max(1, perSecond) + ((to - from) * perSecond) / 1_000
            assert.isAtMost(last - first + 1, most + 1e-6)
          }
        }
      }
      assertWithin(
        granted.map(({ at }) => at),
        connectionsPerSecond
      )
      for (const one of ["a", "b"]) {
        assertWithin(
          granted.filter(({ peer }) => peer === one).map(({ at }) => at),
          connectionsPerSecondPerPeer
        )
      }
    },
    { arbitrary: { runs: 300 } }
  )

  it("does not take tokens of the total for an address that exceeds its own rate", () => {
    const rates = ConnectionRates.make()
    const limits = { connectionsPerSecond: 2, connectionsPerSecondPerPeer: 1 }
    const take = (peer: string) => ConnectionRates.take(rates, limits, peer, 0)
    assert.deepStrictEqual([take("a"), take("a"), take("a"), take("b"), take("c")], [true, false, false, true, false])
  })

  it("applies a changed rate at once", () => {
    const rates = ConnectionRates.make()
    const take = (connectionsPerSecond: number) =>
      ConnectionRates.take(rates, { ...unlimited, connectionsPerSecond }, "a", 0)
    assert.deepStrictEqual(
      [take(1), take(1), take(2), take(2), take(2), take(Infinity)],
      [true, false, true, true, false, true]
    )
  })

  it("keeps a bounded number of addresses, those that connected last", () => {
    const rates = ConnectionRates.make()
    const limits = { ...unlimited, connectionsPerSecondPerPeer: 1 }
    const take = (peer: string) => ConnectionRates.take(rates, limits, peer, 0)
    for (let peer = 0; peer < 10_000; peer++) assert.isTrue(take(`peer ${peer}`))
    assert.strictEqual(rates.byPeer.size, ConnectionRates.maxPeers)
    assert.isFalse(take("peer 9999"))
    assert.isFalse(take(`peer ${10_000 - ConnectionRates.maxPeers}`))
    assert.isTrue(take("peer 0"))
  })

  it("counts a client without an address for the total only", () => {
    const rates = ConnectionRates.make()
    const limits = { connectionsPerSecond: 2, connectionsPerSecondPerPeer: 1 }
    const take = () => ConnectionRates.take(rates, limits, undefined, 0)
    assert.deepStrictEqual([take(), take(), take()], [true, true, false])
    assert.strictEqual(rates.byPeer.size, 0)
  })
})
