import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as serve from "../../../../src/cli/run/farm/serve.ts"
import * as ClusterFarm from "../../../../src/cluster/ClusterFarm.ts"
import * as HostedRuns from "../../../../src/cluster/HostedRuns.ts"
import * as JobModules from "../../../../src/cluster/JobModules.ts"
import * as NodeFarmCluster from "../../../../src/cluster/NodeFarmCluster.ts"
import * as PageState from "../../../../src/web/PageState.ts"
import * as FarmSource from "../../../../src/web/sources/FarmSource.ts"
import { job, sumOf } from "../../../cluster/jobs/steps.ts"

const steps = JobModules.entry(job, new URL("../../../cluster/jobs/steps.ts", import.meta.url))

const isFarm = Schema.is(PageState.Farm)

describe("the runs of a cluster on the page of its host", () => {
  it.live(
    "have their pool, their workers and their speed-up",
    () => {
      const observed = HostedRuns.make()
      const cluster = NodeFarmCluster.layerEmbedded({ jobs: [steps], threads: 1, name: "here", observed })
      const { farms } = FarmSource.make(
        "farm",
        Effect.map(observed.list, (runs) => runs.map(serve.shownRun))
      )
      return Effect.gen(function* () {
        // It would take minutes: it is cancelled.
        const endless = ClusterFarm.run(job, { packets: 10_000, millis: 20 }, { key: "steps" })
        const running = yield* Effect.forkChild(Effect.exit(endless))
        yield* ClusterFarm.watch("steps").pipe(
          Stream.takeUntil(({ done }) => done >= 2),
          Stream.runDrain
        )
        const [live] = (yield* farms).rows
        assert.deepInclude(live, { service: "farm", id: 1, title: "steps of pool default: steps 1", state: "running" })
        assert.deepInclude(live, { total: 10_000, retries: 0 })
        assert.isAbove(live!.speedUp, 0)
        assert.match(live!.workers[0]!.name, /^here/)
        assert.isTrue(yield* ClusterFarm.cancel("steps"))
        yield* Fiber.join(running)
        assert.strictEqual(yield* ClusterFarm.run(job, { packets: 3, millis: 1 }, { key: "short" }), sumOf(3))
        const { rows } = yield* farms
        assert.deepInclude(rows[0], { state: "done", done: 3 })
        assert.deepInclude(rows[1], { state: "failed", id: 1 })
        assert.isTrue([live, ...rows].every((row) => isFarm(row)))
      }).pipe(Effect.provide(cluster), Effect.timeout("50 seconds"))
    },
    60_000
  )
})
