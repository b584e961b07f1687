import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import type { Connection } from "../../src/network/Network.ts"
import { connected, type Ends, pull, start } from "../suites/fidelity/Connections.ts"
import * as Fidelity from "../suites/fidelity/Fidelity.ts"
import { outcome } from "../suites/fidelity/Inbox.ts"

const Step = Schema.Struct({
  end: Schema.Literals(["near", "far"]),
  action: Schema.Literals([
    ...["write", "write", "write", "read", "read", "read"],
    ...["write nothing", "end", "end read", "abort", "close"]
  ] as const)
})

type Step = typeof Step.Type

/** Leaves out the steps that lead to what is not modelled, which scenarios of the suite show. */
const modelled = (steps: ReadonlyArray<Step>): ReadonlyArray<Step> => {
  const unread = { near: 0, far: 0 }
  const hasRead = { near: true, far: false }
  const isLost = { near: false, far: false }
  return steps.filter(({ action, end }) => {
    const other = end === "near" ? "far" : "near"
    switch (action) {
      case "write":
        unread[other]++
        return true
      case "read":
        unread[end] = 0
        hasRead[end] = true
        return !isLost[end]
      case "end read":
        return hasRead[end] || unread[end] === 0
      case "abort":
      case "close":
        // A reset could follow, before which Node has read ahead.
        if (unread[other] > 1) return false
        isLost[end] ||= unread[end] > 0
        return true
      default:
        return true
    }
  })
}

/** Reads what has arrived; returns it, and how it ended, with `~` if more can come. */
const read = Effect.fnUntraced(function* (connection: Connection, settle: Effect.Effect<void>) {
  for (let text = ""; ; ) {
    const pulling = yield* start(pull(connection))
    yield* settle
    const isWaiting = pulling.pollUnsafe() === undefined
    if (isWaiting) yield* Fiber.interrupt(pulling)
    const next = isWaiting ? "~" : yield* Fiber.join(pulling)
    text += next
    if (isWaiting || next.startsWith("<")) return text
  }
})

const act = Effect.fnUntraced(function* (
  { action, end }: Step,
  ends: Ends,
  index: number,
  settle: Effect.Effect<void>
) {
  const connection = ends[end]
  switch (action) {
    case "write":
      return yield* outcome(connection.write(`${index};`))
    case "write nothing":
      return yield* outcome(connection.write(""))
    case "read":
      return yield* read(connection, settle)
    case "close":
      return yield* Effect.as(end === "near" ? ends.closeNear : ends.closeFar, "")
    default:
      return yield* Effect.as(
        { end: connection.end, "end read": connection.endRead, abort: connection.abort }[action],
        ""
      )
  }
})

/** Runs the steps, each after all consequences of the one before; returns the result of each. */
const scenarioOf = (steps: ReadonlyArray<Step>): Fidelity.Scenario => ({
  name: "a script",
  run: Effect.fnUntraced(function* (hosts) {
    const ends = yield* connected(hosts)
    const results: Array<string> = []
    for (const step of steps) {
      results.push(`${step.end} ${step.action}: ${yield* act(step, ends, results.length, hosts.settle)}`)
      yield* hosts.settle
    }
    return results
  }),
  expected: null
})

const skipped = process.platform === "linux" ? "" : " (skipped: not Linux)"

describe.skipIf(skipped !== "")(`operations on both ends of a TCP connection, in random order${skipped},`, () => {
  it.live.prop(
    "have the same results on Linux and on the simulated network",
    [Arbitrary.array(Arbitrary.schema(Step), { minLength: 1, maxLength: 10 })],
    ([steps]) =>
      Effect.gen(function* () {
        const scenario = scenarioOf(modelled(steps))
        assert.deepStrictEqual(yield* Fidelity.runSimulated(scenario), yield* Fidelity.runOnLinux(scenario))
      }),
    { arbitrary: { runs: 50, seed: 1 }, timeout: 60_000 }
  )
})
