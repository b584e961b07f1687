import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as LiveLog from "../../../../src/web/client/packets/LiveLog.ts"
import { arrow } from "../diagram/traces.ts"

const batch = (count: number, omitted = 0, from = "client:1") => ({
  arrows: Array.from({ length: count }, (_, at) => arrow(at + 1, at, { from, to: "server:69" })),
  omitted
})

const Batches = Schema.Array(
  Schema.Struct({
    count: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 300 })),
    omitted: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5 }))
  })
)

describe("LiveLog", () => {
  it("keeps the latest packets, and their rows keep their numbers", () => {
    const log = LiveLog.append(LiveLog.append(LiveLog.empty, batch(100)), batch(100))
    assert.strictEqual(log.rows.length, LiveLog.maxRows)
    assert.strictEqual(log.rows[0]!.row, 200 - LiveLog.maxRows)
    assert.strictEqual(log.nextRow, 200)
  })

  it("has a row for packets that are not shown", () => {
    const { packets, rows } = LiveLog.append(LiveLog.empty, batch(2, 7))
    assert.deepStrictEqual(
      rows.map((row) => (row._tag === "Omitted" ? row.count : row._tag)),
      [7, "Packet", "Packet"]
    )
    assert.strictEqual(packets, 9)
  })

  it("is the same after an empty batch", () => {
    const log = LiveLog.append(LiveLog.empty, batch(3))
    assert.strictEqual(LiveLog.append(log, batch(0)), log)
  })

  it("forgets a host without packets, and keeps the order of the others", () => {
    const first = LiveLog.append(LiveLog.append(LiveLog.empty, batch(1, 0, "client:1")), batch(1, 0, "client:2"))
    assert.deepStrictEqual(first.hosts, ["client:1", "server:69", "client:2"])
    const later = LiveLog.append(first, batch(LiveLog.maxRows, 0, "client:2"))
    assert.deepStrictEqual(later.hosts, ["server:69", "client:2"])
  })

  it("gives the latest hosts a column of their own, and one to all others", () => {
    let log = LiveLog.empty
    for (let at = 1; at <= 5; at++) log = LiveLog.append(log, batch(1, 0, `client:${at}`))
    const { columnOf, names } = LiveLog.columnsOf(log, 4)
    assert.deepStrictEqual(names, ["server:69", "client:4", "client:5", "3 others"])
    assert.strictEqual(columnOf.get("client:1"), 3)
    assert.strictEqual(columnOf.get("client:5"), 2)
  })

  it("shows the packets of the chosen client only, counts the others, and keeps its rows in order", () => {
    const both = LiveLog.append(LiveLog.append(LiveLog.empty, batch(2, 0, "client:1")), batch(3, 0, "client:2"))
    const chosen = LiveLog.append(LiveLog.choose(both, "client:1"), batch(4, 0, "client:2"))
    const log = LiveLog.append(chosen, batch(1, 0, "client:1"))
    assert.deepStrictEqual(log.hosts, ["client:1", "server:69"])
    assert.deepStrictEqual([log.rows.length, log.packets, log.ofOthers], [3, 10, 4])
    for (const [at, { row }] of log.rows.entries()) assert.strictEqual(row, log.nextRow - log.rows.length + at)
    const all = LiveLog.append(LiveLog.choose(log, undefined), batch(1, 0, "client:2"))
    assert.deepStrictEqual([all.rows.length, all.ofOthers], [4, 0])
  })

  it("has one row for packets that are not shown one after the other", () => {
    let log = LiveLog.choose(LiveLog.empty, "client:1")
    for (let at = 0; at < 3; at++) log = LiveLog.append(log, batch(200, 5, "client:2"))
    assert.deepStrictEqual(
      log.rows.map((row) => row._tag === "Omitted" && row.count),
      [15]
    )
  })

  it("moves packets only while there are a few of them", () => {
    const movesOf = (log: LiveLog.LiveLog) => log.rows.map((row) => row._tag === "Packet" && row.isMoving)
    assert.deepStrictEqual(movesOf(LiveLog.append(LiveLog.empty, batch(2))), [true, true])
    assert.notInclude(movesOf(LiveLog.append(LiveLog.empty, batch(18))), true)
    assert.notInclude(movesOf(LiveLog.append(LiveLog.empty, batch(1, 9))), true)
  })

  it("is empty after clear, for the same client, and the others can still be chosen", () => {
    const log = LiveLog.clear(LiveLog.append(LiveLog.choose(LiveLog.empty, "client:1"), batch(1, 0, "client:2")))
    assert.deepStrictEqual([log.rows, log.packets, log.client, log.clients], [[], 0, "client:1", ["client:2"]])
  })

  it.effect.prop("is bounded, counts all packets, and numbers its rows in order", [Batches], ([batches]) =>
    Effect.sync(() => {
      let log = LiveLog.empty
      for (const { count, omitted } of batches) log = LiveLog.append(log, batch(count, omitted))
      assert.isAtMost(log.rows.length, LiveLog.maxRows)
      assert.strictEqual(
        log.packets,
        batches.reduce((sum, { count, omitted }) => sum + count + omitted, 0)
      )
      for (const [at, { row }] of log.rows.entries()) assert.strictEqual(row, log.nextRow - log.rows.length + at)
      const { columnOf, names } = LiveLog.columnsOf(log, 3)
      assert.isAtMost(names.length, 3)
      for (const host of log.hosts) assert.isBelow(columnOf.get(host)!, Math.max(1, names.length))
    })
  )
})
