import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Cli from "../../../support/Cli.ts"

interface Row {
  readonly model: string
  readonly turns: number
  readonly turnsPerSecond: number
  readonly median: number
  readonly p99: number
  readonly longest: number
  readonly memory?: number
  readonly processes?: number
}

const isLinux = process.platform === "linux"

const models = ["iterative", "fibers", "select", "processes", "pool of 2", "threads", "2 threads"]

/** Timeout of a test that starts nine processes, one after the other, on a busy machine. */
const testTimeoutMillis = 60_000

describe("demo models", () => {
  it.live(
    "answers every turn under every model, and has child processes where the model needs them",
    () =>
      Effect.gen(function* () {
        const { code, stderr, stdout } = yield* Cli.run(["demo", "models", "--clients", "2", "--turns", "20", "--json"])
        assert.deepStrictEqual([code, stderr], [0, ""])
        const figures: { readonly models: ReadonlyArray<Row> } = JSON.parse(stdout.toString())
        assert.deepStrictEqual(
          figures.models.map(({ model, turns }) => [model, turns]),
          models.map((model) => [model, 40])
        )
        for (const { longest, median, p99, turnsPerSecond } of figures.models) {
          assert.isAbove(median, 0)
          assert.isTrue(median <= p99 && p99 <= longest)
          assert.isAbove(turnsPerSecond, 0)
        }
        if (!isLinux) return
        const processes = Object.fromEntries(figures.models.map(({ model, processes }) => [model, processes]))
        for (const model of ["iterative", "fibers", "select", "threads", "2 threads"])
          assert.strictEqual(processes[model], 1)
        assert.strictEqual(processes["pool of 2"], 3)
        assert.isAtLeast(processes.processes!, 2)
        assert.isTrue(figures.models.every(({ memory }) => memory! > 20e6))
      }),
    testTimeoutMillis
  )

  it.live("exits with code 130 when it is interrupted under load", () =>
    Effect.gen(function* () {
      const running = yield* Cli.start(["demo", "models", "--turns", "1000000"])
      yield* running.waitForOutput("stdout", /processes$/m)
      yield* running.kill("SIGINT")
      assert.strictEqual((yield* running.ended).code, 130)
    })
  )
})
