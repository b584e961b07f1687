import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  ClusterError,
  InvalidRun,
  JobMissing,
  KeyInUse,
  messageWithCauses,
  PoolUnavailable,
  type Reason,
  RunCancelled,
  RunFailed
} from "../../src/cluster/ClusterError.ts"

const codec = Schema.fromJsonString(ClusterError)

const cases: ReadonlyArray<readonly [reason: Reason, message: string]> = [
  [new RunCancelled({ key: "k" }), "run k was cancelled; run the same key again to continue it"],
  [
    new RunFailed({ key: "k", kind: "PoisonPacket", detail: "packet 2 failed 3 times" }),
    "run k failed: packet 2 failed 3 times; run the same key again to continue it"
  ],
  [
    new KeyInUse({ key: "k", has: "sum 1 of [1]", wanted: "sum 1 of [2]" }),
    "run k exists already: it is sum 1 of [1], not sum 1 of [2]; choose another key"
  ],
  [
    new JobMissing({ wanted: "sum 2", has: ["sum 1", "primes 1"] }),
    "the host of the pool has sum 1, primes 1, not sum 2; start hosts and workers with the same modules"
  ],
  [
    new JobMissing({ wanted: "sum 2", has: [] }),
    "the host of the pool has no job, not sum 2; start hosts and workers with the same modules"
  ],
  [new InvalidRun({ message: "invalid key" }), "invalid key"],
  [new PoolUnavailable({ pool: "p", detail: "no host" }), "pool p is not available: no host"]
]

describe("ClusterError", () => {
  it("formats errors with the messages of their causes, each once", () => {
    const cause = new Error("query failed", { cause: new Error("no space left on device") })
    assert.strictEqual(
      messageWithCauses(new Error("", { cause: new Error("query failed", { cause }) })),
      "query failed: no space left on device"
    )
    assert.strictEqual(messageWithCauses(new TypeError("")), "TypeError")
  })

  it.effect.each(cases)("says what failed, why and what to do, also after the database (%o)", ([reason, message]) =>
    Effect.gen(function* () {
      const error = new ClusterError({ reason })
      assert.strictEqual(error.message, message)
      const text = yield* Schema.encodeEffect(codec)(error)
      const decoded = yield* Schema.decodeEffect(codec)(text)
      assert.strictEqual(decoded.message, message)
      assert.strictEqual(decoded.reason._tag, reason._tag)
    })
  )
})
