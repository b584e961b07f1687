import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { Simulation } from "effect-inet/simulation"
import * as RaftBug from "../../../scripts/examples/raft/RaftBug.ts"
import * as RaftCheck from "../../../scripts/examples/raft/RaftCheck.ts"
import * as RaftDissector from "../../../scripts/examples/raft/RaftDissector.ts"

describe("RaftCheck", () => {
  it.effect("finds nothing in the right servers, and reaches all states", () =>
    Effect.gen(function* () {
      const { reached } = yield* RaftCheck.check(undefined, { runs: 30 })
      for (const label of RaftCheck.sometimes) assert.isTrue(reached.has(label), label)
    })
  )

  it.effect.each(RaftBug.all)(
    "finds the bug that a server %s, and shrinks it to at most three faults",
    (bug) =>
      Effect.gen(function* () {
        const { failure, reason } = yield* Effect.flip(RaftCheck.check(bug, { runs: 400 }))
        assert.strictEqual(reason._tag, "Failed")
        assert.isAtMost(failure!.plan.length, 3)
        // The same faults do not break the right servers.
        const { plan, seed } = failure!
        const dissectors = [RaftDissector.dissector]
        const { exit } = yield* Simulation.run(RaftCheck.scenario(), { dissectors, plan, seed })
        assert.isTrue(Exit.isSuccess(exit))
      }),
    60_000
  )
})
