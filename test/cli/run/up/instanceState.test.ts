import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as instanceState from "../../../../src/cli/run/up/instanceState.ts"

const event = Schema.Literals(["Ready", "Failed", "Restart", "GiveUp", "EndForRestart", "Stop"])

const toEvent = (tag: typeof event.Type, at: number): instanceState.Event =>
  tag === "Ready"
    ? { _tag: tag, address: `address ${at}` }
    : tag === "Failed"
      ? { _tag: tag, error: `error ${at}` }
      : { _tag: tag }

/** The phases that may follow each phase, by the event. */
const model: Readonly<Record<instanceState.Phase, Partial<Record<instanceState.Event["_tag"], instanceState.Phase>>>> =
  {
    starting: { Ready: "ready", Failed: "restarting", EndForRestart: "restarting", Stop: "stopped" },
    ready: { Failed: "restarting", EndForRestart: "restarting", Stop: "stopped" },
    restarting: { Restart: "starting", GiveUp: "failed", EndForRestart: "restarting", Stop: "stopped" },
    failed: { EndForRestart: "restarting" },
    stopped: {}
  }

const script = Schema.Array(
  Schema.Struct({ tag: event, millis: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20_000 })) })
).check(Schema.isMinLength(10))

describe("instanceState", () => {
  it.prop("follows the table of phases, and keeps what each phase promises", [script], ([steps]) => {
    let now = 0
    let state = instanceState.initial(now)
    let restarts = 0
    let lastError: string | undefined
    for (const { millis, tag } of steps) {
      now += millis
      const before = state
      state = instanceState.step(before, toEvent(tag, now), now)
      const expected = model[before.phase][tag]
      if (expected === undefined) {
        assert.strictEqual(state, before)
        continue
      }
      if (tag === "Restart") restarts++
      if (tag === "Failed") lastError = `error ${now}`
      assert.strictEqual(state.phase, expected)
      assert.strictEqual(state.sinceMillis, now)
      assert.strictEqual(state.restarts, restarts)
      assert.strictEqual(state.address !== undefined, state.phase === "ready")
      assert.strictEqual(state.lastError, lastError)
      if (tag === "EndForRestart") assert.strictEqual(state.failuresInARow, 0)
    }
  })

  it("counts a failure after a long uptime as the first one", () => {
    const { stableUptimeMillis } = instanceState
    const run = (uptimeMillis: number) => {
      const events: ReadonlyArray<readonly [instanceState.Event["_tag"], number]> = [
        ["Failed", 0],
        ["Restart", 0],
        ["Ready", 0],
        ["Failed", uptimeMillis]
      ]
      return events.reduce(
        (state, [tag, now]) => instanceState.step(state, toEvent(tag, now), now),
        instanceState.initial(0)
      ).failuresInARow
    }
    assert.strictEqual(run(stableUptimeMillis - 1), 2)
    assert.strictEqual(run(stableUptimeMillis), 1)
  })
})
