import { assert, describe, it } from "@effect/vitest"
import * as Sharding from "effect/cluster/Sharding"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ClusterError, KeyInUse } from "../../src/cluster/ClusterError.ts"
import * as ClusterJobRunner from "../../src/cluster/ClusterJobRunner.ts"
import * as JobRunner from "../../src/farm/pool/JobRunner.ts"
import { job } from "./jobs/steps.ts"

/** A cluster that records its requests, and replies to each run with this effect. */
const makeCluster = (reply: Effect.Effect<string, ClusterError>) => {
  const requests: Array<object> = []
  const client = (pool: string) => ({
    Watch: () => Effect.succeed({ attempt: 1 }),
    Run: (request: object) =>
      Effect.suspend(() => {
        requests.push({ pool, ...request })
        return reply
      })
  })
  const sharding = Sharding.Sharding.of({
    ...({} as Sharding.Sharding["Service"]),
    makeClient: (() => Effect.succeed(client)) as never
  })
  return { requests, layer: Layer.succeed(Sharding.Sharding, sharding) }
}

const run = (options: JobRunner.RunOptions) =>
  Effect.flatMap(JobRunner.JobRunner, (runner) => runner.run(job, { packets: 3, millis: 0 }, options))

describe("ClusterJobRunner", () => {
  it.effect("runs a job with its options on the pool of the layer", () => {
    const { layer, requests } = makeCluster(Effect.succeed("3"))
    return Effect.gen(function* () {
      assert.strictEqual(yield* run({ key: "k", packetSize: 1, onPoison: "skip", priority: 2 }), 3)
      const settings = { packetSize: 1, onPoison: "skip", priority: 2 }
      const input = JSON.stringify({ packets: 3, millis: 0 })
      assert.deepStrictEqual(requests, [
        { pool: "large", key: "k", attempt: 1, job: { name: "steps", version: 1 }, input, settings }
      ])
    }).pipe(Effect.provide(ClusterJobRunner.layer({ pool: "large" }).pipe(Layer.provide(layer))))
  })

  it.effect("fails with the error of the cluster as the cause", () => {
    const cause = new ClusterError({ reason: new KeyInUse({ key: "k", has: "one", wanted: "another" }) })
    return Effect.gen(function* () {
      const error = yield* Effect.flip(run({ key: "k" }))
      assert.strictEqual(error._tag, "JobRunnerError")
      assert.strictEqual(error.message, "run k exists already: it is one, not another; choose another key")
      assert.strictEqual(error.cause, cause)
    }).pipe(Effect.provide(ClusterJobRunner.layer().pipe(Layer.provide(makeCluster(Effect.fail(cause)).layer))))
  })
})
