import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as ClusterFarm from "../../src/cluster/ClusterFarm.ts"
import * as JobModules from "../../src/cluster/JobModules.ts"
import * as NodeFarmCluster from "../../src/cluster/NodeFarmCluster.ts"
import { RunStore } from "../../src/cluster/RunStore.ts"
import * as PrimeJob from "../../src/primes/PrimeJob.ts"
import * as types from "../farm/jobs/types.ts"
import { job, sumOf } from "./jobs/steps.ts"

const steps = JobModules.entry(job, new URL("./jobs/steps.ts", import.meta.url))
const primes = JobModules.entry(PrimeJob.job, PrimeJob.module)

const values = JobModules.entry(types.job, new URL("../farm/jobs/types.ts", import.meta.url))

const Cluster = NodeFarmCluster.layerEmbedded({
  jobs: [steps, primes, values],
  threads: 1,
  name: "here",
  checkpointInterval: "20 millis"
})

const message = <A, E extends { readonly message: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.orDie(Effect.flip(effect)), (error) => error.message)

/** Waits until a run has merged a number of units. */
const untilDone = (key: string, units: number) =>
  ClusterFarm.watch(key).pipe(
    Stream.takeUntil(({ done }) => done >= units),
    Stream.runDrain
  )

const range = { from: 0, to: 1_000_000, kernel: "wasm" } as const

describe("a cluster in one process", () => {
  it.live(
    "runs jobs, keeps the output for their key, cancels and continues",
    () =>
      Effect.gen(function* () {
        // The output of a key.
        const count = ClusterFarm.run(PrimeJob.job, range, { key: "million" })
        assert.deepStrictEqual(yield* Effect.all([count, count], { concurrency: 2 }), [78_498, 78_498])
        assert.strictEqual(yield* count, 78_498)
        assert.deepInclude(yield* ClusterFarm.status("million"), { state: "done", attempt: 1 })
        assert.match(
          yield* message(ClusterFarm.run(PrimeJob.job, { ...range, to: 5 }, { key: "million" })),
          /^run million exists already: it is primes 1 of .*; choose another key$/
        )

        // A run that is cancelled continues from its checkpoint.
        const input = { packets: 40, millis: 20 }
        const running = yield* Effect.forkChild(message(ClusterFarm.run(job, input, { key: "steps" })))
        yield* untilDone("steps", 5)
        assert.isTrue(yield* ClusterFarm.cancel("steps"))
        assert.strictEqual(yield* Fiber.join(running), "run steps was cancelled; run the same key again to continue it")
        const { find } = yield* RunStore
        const saved = yield* find({ pool: "default", key: "steps" })
        assert.isAtLeast(saved?.done ?? 0, 5)
        assert.deepInclude(yield* ClusterFarm.status("steps"), { state: "cancelled", attempt: 2 })
        assert.isFalse(yield* ClusterFarm.cancel("steps"))
        assert.strictEqual(yield* ClusterFarm.run(job, input, { key: "steps" }), sumOf(40))
        const whole = { state: "done", done: 40, total: 40, output: sumOf(40) } as const
        assert.deepStrictEqual(yield* Stream.runCollect(ClusterFarm.outputs(job, "steps")), [whole])

        // Values that JSON does not have.
        const large = { packets: 40n, millis: 20 }
        const withTypes = ClusterFarm.run(types.job, large, { key: "types", ordered: true })
        const typed = yield* Effect.forkChild(message(withTypes))
        yield* untilDone("types", 2)
        assert.isTrue(yield* ClusterFarm.cancel("types"))
        assert.match(yield* Fiber.join(typed), /^run types was cancelled/)
        const part = yield* Stream.runCollect(ClusterFarm.outputs(types.job, "types"))
        assert.deepStrictEqual(part[0]?.output[1], types.outputOf(2n)[1])
        assert.deepStrictEqual(yield* withTypes, types.outputOf(40n))

        // A packet that fails, and a thread that ends.
        const throws = { packets: 3, millis: 0, odd: { at: 1, does: "throw" } } as const
        assert.match(
          yield* message(ClusterFarm.run(job, throws, { key: "throws" })),
          /^run throws failed: packet 1 .* failed 3 times: here\/1: .*as it was asked to/
        )
        const exits = { packets: 3, millis: 0, odd: { at: 1, does: "exit" } } as const
        assert.match(
          yield* message(ClusterFarm.run(job, exits, { key: "exits", maxAttempts: 1 })),
          /^run exits failed: packet 1 .* failed once: here\/1: .*exited with code 3/
        )
        assert.match((yield* ClusterFarm.status("exits")).error ?? "", /exited with code 3/)
        assert.sameMembers(
          (yield* ClusterFarm.list()).map(({ key, state }) => `${key} ${state}`),
          ["million done", "steps done", "types done", "throws failed", "exits failed"]
        )

        // Wrong options and jobs.
        const wrong = { ...job, version: 2 }
        assert.strictEqual(
          yield* message(ClusterFarm.run(wrong, input, { key: "wrong" })),
          "the host of the pool has steps 1, primes 1, types 1, not steps 2; start hosts and workers with the same modules"
        )
        const invalid = { key: "", packetSize: 0 }
        assert.match(yield* message(ClusterFarm.run(job, input, invalid)), /^invalid key ""/)
        assert.match(yield* message(ClusterFarm.run(job, input, { key: "x", packetSize: 0 })), /^invalid packetSize 0/)
        const { checkpoint: _, ...plain } = job
        assert.match(yield* message(ClusterFarm.run(plain, input, { key: "x" })), /has no codecs for checkpoints/)
      }).pipe(Effect.provide(Cluster), Effect.timeout("50 seconds")),
    60_000
  )

  it.live("an agent without the module of a job is named, and the run waits for one that has it", () => {
    const Host = NodeFarmCluster.layerEmbedded({ jobs: [steps], threads: 1, name: "has" })
    const Other = NodeFarmCluster.layerAgent({ threads: 1, name: "has not" }).pipe(
      Layer.provide(JobModules.layer([primes]))
    )
    return Effect.gen(function* () {
      const input = { packets: 4, millis: 10 }
      const key = "named"
      assert.strictEqual(yield* ClusterFarm.run(job, { ...input, packets: 1 }, { key: "first" }), 0)
      const running = yield* Effect.forkChild(ClusterFarm.run(job, { ...input, packets: 60 }, { key }))
      const named = yield* ClusterFarm.watch(key).pipe(
        Stream.filter(({ refusals }) => refusals.length > 0),
        Stream.take(1),
        Stream.runCollect
      )
      assert.deepStrictEqual(named[0]?.refusals, ["has not: it has primes 1, not steps 1"])
      assert.strictEqual(yield* Fiber.join(running), sumOf(60))
    }).pipe(Effect.provide(Other.pipe(Layer.provideMerge(Host))), Effect.timeout("50 seconds"))
  })

  it.effect("a module is loaded by its path, and refused with its exports otherwise", () =>
    Effect.gen(function* () {
      const path = fileURLToPath(new URL("./jobs/steps.ts", import.meta.url))
      assert.strictEqual((yield* JobModules.load(path)).job.name, "steps")
      const url = new URL("./RunStores.ts", import.meta.url)
      assert.strictEqual(
        yield* message(JobModules.load(url)),
        `${url}: it exports no farm \`job\`; its exports: checks`
      )
      const copy = new URL("./jobs/otherCopy.ts", import.meta.url)
      assert.strictEqual(
        yield* message(JobModules.load(copy)),
        `${copy}: it imports another copy of effect than this program; install effect-inet in the project of the module, and run it from there`
      )
      assert.match(yield* message(JobModules.load("/no/such.ts")), /^\/no\/such\.ts: cannot load the module: /)
    })
  )
})
