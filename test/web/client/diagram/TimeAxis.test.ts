import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TimeAxis from "../../../../src/web/client/diagram/TimeAxis.ts"
import type { StateChange } from "../../../../src/web/lab/Trace.ts"
import { arrow, generated, Packets, trace } from "./traces.ts"

const { make, millisAt, statesAt } = TimeAxis

const state = (atMillis: number, host: string, name: string): StateChange => ({
  atMillis,
  host,
  state: name,
  variables: []
})

/** Returns the distances of neighbours in a list. */
const distances = (list: ReadonlyArray<number>) => list.slice(1).map((value, at) => value - list[at]!)

describe("TimeAxis", () => {
  it("draws a packet downwards, and its reply below it", () => {
    const { flights } = make(trace([arrow(1, 0), arrow(2, 20, { from: "b", to: "a", kind: "ACK", label: "ACK 1" })]))
    assert.isAbove(flights[0]!.endPixels, flights[0]!.startPixels)
    assert.isAtLeast(flights[1]!.startPixels, flights[0]!.endPixels)
  })

  it("draws packets that overtake each other as arrows that cross", () => {
    const { flights } = make(trace([arrow(1, 0, { arrivesMillis: 100 }), arrow(2, 5, { arrivesMillis: 25 })]))
    assert.isBelow(flights[0]!.startPixels, flights[1]!.startPixels)
    assert.isAbove(flights[0]!.endPixels, flights[1]!.endPixels)
  })

  it("ends a lost packet before another that was sent at the same time arrives", () => {
    const { flights } = make(trace([arrow(1, 0, { lost: true }), arrow(2, 0)]))
    assert.isBelow(flights[0]!.endPixels, flights[1]!.endPixels)
  })

  it("gives packets of one broadcast one point and one label", () => {
    const { flights } = make(trace(["b", "c", "d"].map((to, at) => arrow(at + 1, 7, { to, label: "alive" }))))
    assert.deepStrictEqual(
      flights.map(({ isLabeled }) => isLabeled),
      [true, false, false]
    )
    assert.strictEqual(new Set(flights.map(({ startPixels }) => startPixels)).size, 1)
  })

  it("marks a pause that is drawn shorter than it is", () => {
    const short = make(trace([arrow(1, 0), arrow(2, 60)]))
    const long = make(trace([arrow(1, 0), arrow(2, 60_000)]))
    assert.deepStrictEqual(short.pauses, [])
    assert.deepStrictEqual(
      long.pauses.map(({ millis }) => millis),
      [59_980]
    )
    assert.isBelow(long.lengthPixels, 400)
  })

  it("has a note for a state with a new name only, and places the others", () => {
    const states = [state(0, "a", "idle"), state(0, "b", "idle"), state(10, "a", "idle"), state(20, "a", "done")]
    const axis = make(trace([arrow(1, 0)], { states }))
    assert.deepStrictEqual(
      axis.notes.map(({ host, lines }) => [host, ...lines]),
      [
        ["a", "idle"],
        ["b", "idle"],
        ["a", "done"]
      ]
    )
    assert.strictEqual(axis.states.length, 4)
  })

  it("leaves the fault of a packet to its mark, and notes that of a host", () => {
    const remarks = [
      { atMillis: 0, host: "a", text: "the network loses it", tone: "fault" as const },
      { atMillis: 30, host: "b", text: "b crashes", tone: "fault" as const }
    ]
    const axis = make(trace([arrow(1, 0, { lost: true, fault: "drop" })], { remarks }))
    assert.deepStrictEqual(
      axis.notes.map(({ lines }) => lines),
      [["b crashes"]]
    )
    assert.strictEqual(axis.remarks.length, 2)
  })

  it("knows the states at a position, and those of the beginning before the first packet", () => {
    const states = [state(0, "a", "idle"), state(500, "a", "done")]
    const axis = make(trace([arrow(1, 0), arrow(2, 400)], { states, endMillis: 600 }))
    const nameAt = (position: number) => statesAt(axis, position).get("a")?.now.state
    assert.strictEqual(nameAt(0), "idle")
    assert.strictEqual(nameAt(axis.flights[1]!.startPixels), "idle")
    assert.strictEqual(nameAt(axis.lengthPixels), "done")
    assert.strictEqual(statesAt(axis, axis.lengthPixels).get("a")?.before?.state, "idle")
  })

  it("places a run without packets", () => {
    const axis = make(trace([]))
    assert.strictEqual(millisAt(axis, axis.lengthPixels), 0)
    assert.isAbove(axis.lengthPixels, 0)
  })

  it.effect.prop("goes down with time, and its labels and notes do not overlap", [Packets], ([packets]) =>
    Effect.sync(() => {
      const axis = make(generated(packets))
      const { flights, lengthPixels, notes, points, stops } = axis
      for (const distance of distances(flights.map(({ startPixels }) => startPixels))) assert.isAtLeast(distance, 16)
      for (const host of ["a", "b"]) {
        const own = notes.filter((note) => note.host === host)
        for (const [at, distance] of distances(own.map(({ positionPixels }) => positionPixels)).entries()) {
          assert.isAtLeast(distance, own[at]!.lines.length * TimeAxis.noteLinePixels)
        }
      }
      for (const { endPixels, startPixels } of flights) assert.isAtLeast(endPixels - startPixels, 10)
      for (const distance of distances(points.map(({ positionPixels }) => positionPixels)))
        assert.isAtLeast(distance, 0)
      for (const distance of distances(points.map(({ millis }) => millis))) assert.isAtLeast(distance, 0)
      for (const distance of distances(stops)) assert.isAbove(distance, 0)
      assert.strictEqual(stops.at(-1), lengthPixels)
      for (const { endPixels } of flights) assert.isAtMost(endPixels, lengthPixels)
    })
  )

  it.effect.prop("has the time of sending at the start of each packet", [Packets], ([packets]) =>
    Effect.sync(() => {
      const axis = make(generated(packets))
      for (const { arrow, endPixels, startPixels } of axis.flights) {
        assert.approximately(millisAt(axis, startPixels), arrow.sentMillis, 1e-6)
        if (arrow.arrivesMillis === undefined) continue
        // A packet without a way ends below its start, where later packets may start, too.
        assert.isAtLeast(millisAt(axis, endPixels), arrow.arrivesMillis - 1e-6)
      }
    })
  )

  it.effect.prop("stops at the start and at the end of each packet", [Packets], ([packets]) =>
    Effect.sync(() => {
      const { flights, stops } = make(generated(packets))
      for (const { endPixels, startPixels } of flights) {
        assert.include(stops, startPixels)
        assert.isTrue(stops.some((stop) => stop >= endPixels && stop - endPixels < 100))
      }
    })
  )
})
