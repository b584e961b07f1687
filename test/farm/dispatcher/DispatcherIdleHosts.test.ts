import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as DispatcherModel from "./DispatcherModel.ts"
import { healthy } from "./FaultProfile.ts"

const within = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const Farm = Schema.Struct({
  seed: within(0, 2 ** 31),
  units: within(0, 300),
  packetSize: Schema.UndefinedOr(Schema.Literals([1, 7])),
  ordered: Schema.Boolean,
  /** The workers that never end a packet, and their hosts. */
  idleWorkers: within(1, 40),
  idleHosts: within(1, 3),
  beatsWhileHanging: Schema.Boolean,
  /** True if the good worker is the last of the list. */
  isGoodLast: Schema.Boolean
})

describe("hosts that never end a packet", () => {
  it.effect.prop(
    "leave a run to end in about the time of its only good worker, however many workers they claim",
    [Farm],
    ([{ beatsWhileHanging, idleHosts, idleWorkers, isGoodLast, ...rest }]) =>
      Effect.sync(() => {
        const idle = { ...healthy, capacity: 64, hang: 1, ignoresCancel: true, beatsWhileHanging }
        const bad = Array.from({ length: idleWorkers }, (_, index) => ({ ...idle, host: `bad ${index % idleHosts}` }))
        const good = { ...healthy, host: "good" }
        // No lease ends: only copies help.
        const plan = { ...rest, leaseMillis: 1e6, bufferSize: 1_000 }
        const alone = DispatcherModel.run({ ...plan, profiles: [good] })
        const outcome = DispatcherModel.run({ ...plan, profiles: isGoodLast ? [...bad, good] : [good, ...bad] })
        assert.deepStrictEqual(outcome.violations, [])
        assert.strictEqual(outcome.end?._tag, "Finished")
        assert.strictEqual(DispatcherModel.coverageGap(outcome.merged, rest.units), undefined)
        assert.isAtMost(outcome.elapsedMillis, 2 * alone.elapsedMillis + 1_500)
      }),
    { arbitrary: { runs: 40 } }
  )
})
