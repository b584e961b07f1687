import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as ConnectionLimits from "../../../src/network/server/ConnectionLimits.ts"

const limits = {
  maxConnections: 3,
  maxConnectionsPerPeer: 2,
  idleTimeoutMillis: 100,
  writeTimeoutMillis: 30
}

const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

/** One look at a connection: the time since the one before, and the bytes since then. */
const Look = Schema.Struct({ pause: upTo(60), received: upTo(1), sent: upTo(1), unsent: upTo(1) })

describe("ConnectionLimits", () => {
  it.prop(
    "misses a deadline when the last traffic was the timeout ago: 30 ms with unsent bytes, else 100 ms",
    [Schema.Array(Look)],
    ([looks]) => {
      let activity = ConnectionLimits.start("Open", 0)
      let now = 0
      let lastTrafficAt = 0
      let traffic = activity.traffic
      for (const { pause, received, sent, unsent } of looks) {
        now += pause
        traffic = { received: traffic.received + received, sent: traffic.sent + sent, unsent }
        if (received + sent > 0) lastTrafficAt = now
        activity = ConnectionLimits.observe(activity, traffic, now)
        const silence = now - lastTrafficAt
        const expected = unsent > 0 ? silence >= 30 && "NotReading" : silence >= 100 && "Idle"
        assert.strictEqual(ConnectionLimits.missedDeadline(limits, activity, now) ?? false, expected)
      }
    },
    { arbitrary: { runs: 500 } }
  )

  it("measures idle time by the data of a client where it is counted, and by what the server sends", () => {
    const observe = (activity: ConnectionLimits.Activity, received: number, sent: number, now: number, count: number) =>
      ConnectionLimits.observe(activity, { received, sent, unsent: 0 }, now, { count })
    let activity = ConnectionLimits.start("Open", 0)
    for (const now of [30, 60, 90]) activity = observe(activity, now, 0, now, 0)
    assert.strictEqual(ConnectionLimits.missedDeadline(limits, activity, 100), "Idle")
    activity = observe(activity, 95, 0, 95, 1)
    assert.isUndefined(ConnectionLimits.missedDeadline(limits, activity, 194))
    activity = observe(activity, 95, 1, 150, 1)
    assert.isUndefined(ConnectionLimits.missedDeadline(limits, activity, 249))
    assert.strictEqual(ConnectionLimits.missedDeadline(limits, activity, 250), "Idle")
  })

  it("gives a proxy 5 seconds for its header, whatever it sends", () => {
    let activity = ConnectionLimits.start("Header", 0)
    activity = ConnectionLimits.observe(activity, { received: 5, sent: 0, unsent: 0 }, 4_000)
    assert.isUndefined(ConnectionLimits.missedDeadline(limits, activity, 4_999))
    assert.strictEqual(ConnectionLimits.missedDeadline(limits, activity, 5_000), "Header")
  })

  it("ends the grace period a second after the end, whatever the traffic", () => {
    let activity = ConnectionLimits.start("Ending", 500)
    for (let now = 500; now < 1_500; now += 100) {
      activity = ConnectionLimits.observe(activity, { received: now, sent: 0, unsent: 1 }, now)
      assert.isUndefined(ConnectionLimits.missedDeadline(limits, activity, now))
    }
    assert.strictEqual(ConnectionLimits.missedDeadline(limits, activity, 1_500), "Grace")
  })

  it.each([
    [2, 1, undefined],
    [3, 0, "MaxConnections"],
    [2, 2, "MaxConnectionsPerPeer"],
    [3, 2, "MaxConnections"]
  ] as const)("with %i active connections, %i of the peer, refuses for: %s", (active, ofPeer, reason) => {
    assert.strictEqual(ConnectionLimits.refusalReason(limits, active, ofPeer), reason)
  })
})
