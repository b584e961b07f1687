import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as ClusterFarm from "../../src/cluster/ClusterFarm.ts"
import * as HostedRuns from "../../src/cluster/HostedRuns.ts"
import * as JobModules from "../../src/cluster/JobModules.ts"
import * as NodeFarmCluster from "../../src/cluster/NodeFarmCluster.ts"
import { job, sumOf } from "./jobs/steps.ts"

const steps = JobModules.entry(job, new URL("./jobs/steps.ts", import.meta.url))

const describeRun = ({ id, job, pool, state, status: { done, key } }: HostedRuns.ObservedRun) =>
  `${id} ${pool} ${key} ${job} ${state} ${done}`

describe("HostedRuns", () => {
  it.live(
    "has the runs on a host with their progress, and the latest that have ended",
    () => {
      const observed = HostedRuns.make()
      const cluster = NodeFarmCluster.layerEmbedded({ jobs: [steps], threads: 1, name: "here", observed })
      return Effect.gen(function* () {
        assert.deepStrictEqual(yield* observed.list, [])
        // It would take minutes: it is cancelled.
        const endless = ClusterFarm.run(job, { packets: 10_000, millis: 20 }, { key: "steps" })
        const running = yield* Effect.forkChild(Effect.exit(endless))
        yield* ClusterFarm.watch("steps").pipe(
          Stream.takeUntil(({ done }) => done >= 2),
          Stream.runDrain
        )
        const [live] = yield* observed.list
        assert.deepInclude(live, { id: 1, pool: "default", job: "steps 1", state: "running" })
        assert.isAtLeast(live!.status.done, 2)
        assert.strictEqual(live!.status.workers.length, 1)
        assert.isTrue(yield* ClusterFarm.cancel("steps"))
        yield* Fiber.join(running)
        assert.match((yield* observed.list).map(describeRun).join(), /^1 default steps steps 1 failed \d+$/)
        // A run that has ended before begins nothing here.
        const short = ClusterFarm.run(job, { packets: 3, millis: 1 }, { key: "short" })
        assert.deepStrictEqual([yield* short, yield* short], [sumOf(3), sumOf(3)])
        assert.strictEqual((yield* observed.list).map(describeRun)[0], "2 default short steps 1 done 3")
        const throws = { packets: 3, millis: 0, odd: { at: 1, does: "throw" } } as const
        yield* Effect.exit(ClusterFarm.run(job, throws, { key: "throws" }))
        const ended = (yield* observed.list).map(describeRun)
        assert.strictEqual(ended.length, 3)
        assert.match(ended[0]!, / throws steps 1 failed /)
      }).pipe(Effect.provide(cluster), Effect.timeout("50 seconds"))
    },
    60_000
  )
})
