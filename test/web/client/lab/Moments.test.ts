import { assert, describe, it } from "@effect/vitest"
import * as TimeAxis from "../../../../src/web/client/diagram/TimeAxis.ts"
import { describe as describeMoment, formatMillis, outcomeOf } from "../../../../src/web/client/lab/Moments.ts"
import { arrow, trace } from "../diagram/traces.ts"

describe("Moments", () => {
  it("formats the times of a long run as whole milliseconds, those of a short one with decimals", () => {
    assert.strictEqual(formatMillis(1_234.6, 5_000), "1,235")
    assert.strictEqual(formatMillis(1.234, 12), "1.23")
  })

  it("formats the outcome of a packet", () => {
    assert.strictEqual(outcomeOf(arrow(1, 10)), "arrived after 20 ms")
    assert.strictEqual(outcomeOf(arrow(1, 10, { lost: true, fault: "drop" })), "lost")
    assert.strictEqual(outcomeOf(arrow(1, 10, { lost: true, fault: "partition" })), "lost: partition")
    assert.strictEqual(
      outcomeOf(arrow(1, 10, { fault: "duplicate" })),
      "arrived after 20 ms, a copy made by the network"
    )
  })

  it("names the packets, the states and the remarks of a position", () => {
    const axis = TimeAxis.make(
      trace([arrow(1, 0), arrow(2, 100, { lost: true })], {
        states: [{ atMillis: 0, host: "a", state: "waiting", variables: [] }],
        remarks: [{ atMillis: 500, host: "a", text: "timeout", tone: "plain" }]
      })
    )
    const [one, two] = axis.flights
    assert.strictEqual(describeMoment(axis, one!.startPixels), "a sends packet 1, DATA 1, 512 bytes, to b. a: waiting")
    assert.strictEqual(describeMoment(axis, one!.endPixels), "packet 1, DATA 1, 512 bytes, arrives at b")
    assert.strictEqual(describeMoment(axis, two!.endPixels), "packet 2, DATA 2, 512 bytes, is lost")
    assert.strictEqual(describeMoment(axis, axis.remarks[0]!.positionPixels), "timeout")
  })
})
