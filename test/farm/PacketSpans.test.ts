import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Tracer from "effect/Tracer"
import * as PacketSpans from "../../src/farm/PacketSpans.ts"
import * as Observing from "../support/Observing.ts"

const outcomeOf = ({ attributes, status }: Tracer.Span) => {
  const exit = status._tag === "Ended" ? status.exit : undefined
  const outcome = exit?._tag === "Failure" ? exit.cause.reasons.map((reason) => reason._tag) : exit?._tag
  return [attributes.get("worker"), attributes.get("packet"), outcome]
}

describe("PacketSpans", () => {
  it.effect("each attempt has a span, which ends with its outcome, its worker or the run", () =>
    Effect.gen(function* () {
      const [, spans] = yield* Observing.withSpans(
        Effect.scoped(
          Effect.gen(function* () {
            const run = yield* PacketSpans.make
            if (run === undefined) return assert.fail("no tracer")
            run.assigned(1, "one", [0, 1, 2, 3])
            run.assigned(11, "eleven", [0, 4])
            run.reported(1, { _tag: "Working", id: 0 })
            run.reported(1, { _tag: "Done", id: 0, result: 5, millis: 1 })
            run.reported(1, { _tag: "Failed", id: 1, error: { name: "Error", message: "no" } })
            run.reported(1, { _tag: "Stopped", id: 2 })
            run.reported(1, { _tag: "Alive" })
            run.reported(1, { _tag: "Lost", message: "killed" })
            run.reported(11, { _tag: "Done", id: 4, result: 5, millis: 1 })
            // A second outcome has no span.
            run.reported(1, { _tag: "Done", id: 3, result: 5, millis: 1 })
          })
        )
      )
      assert.deepStrictEqual(spans.map(outcomeOf), [
        ["one", 0, "Success"],
        ["one", 1, ["Fail"]],
        ["one", 2, ["Interrupt"]],
        ["one", 3, ["Fail"]],
        ["eleven", 0, ["Interrupt"]],
        ["eleven", 4, "Success"]
      ])
    })
  )

  it.effect("makes none without a tracer that exports them", () =>
    Effect.gen(function* () {
      assert.isUndefined(yield* Effect.scoped(PacketSpans.make))
    })
  )
})
