import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodeDemoThreads from "../../../../src/cli/run/demo/NodeDemoThreads.ts"
import { cellCount, cellIndex, lock, threadCount, unlock } from "../../../../src/cli/run/demo/NodeMutex.ts"
import * as Cli from "../../../support/Cli.ts"
import { waitUntil } from "../../../support/Pause.ts"

interface Round {
  readonly way: "none" | "mutex" | "add"
  readonly count: number
  readonly expected: number
  readonly observed: number
  readonly lost: number
  readonly millis: number
}

interface Figures {
  readonly threads: ReadonlyArray<Round>
  readonly fibers: {
    readonly expected: number
    readonly usual: { readonly runs: number; readonly lost: number }
    readonly found: { readonly seed: number; readonly observed: string; readonly message: string }
    readonly cures: ReadonlyArray<{
      readonly cure: string
      readonly runs: number
      readonly interleavings: number
      readonly lost: number
    }>
  }
}

const count = 1_000_000

const demo = Effect.fnUntraced(function* (env: Record<string, string>, ...args: ReadonlyArray<string>) {
  const { code, stderr, stdout } = yield* Cli.run(["demo", "mutex", "--count", `${count}`, ...args], { env })
  assert.deepStrictEqual([code, stderr], [0, ""])
  return stdout.toString()
})

/** Timeout of a test that runs the command on a busy machine. */
const testTimeoutMillis = 60_000

describe("demo mutex", () => {
  it.live("makes a thread sleep until the lock is released, and leaves the lock free", () =>
    Effect.gen(function* () {
      const memory = new Int32Array(new SharedArrayBuffer(cellCount * Int32Array.BYTES_PER_ELEMENT))
      const load = (name: keyof typeof cellIndex) => Atomics.load(memory, cellIndex[name])
      // This thread counts as the second one, for which the first waits.
      Atomics.store(memory, cellIndex.arrived, threadCount - 1)
      lock(memory)
      const thread = yield* NodeDemoThreads.startThread<number>("NodeMutexThread", { memory, way: "mutex", count: 1 })
      yield* waitUntil(() => load("lock") === 2 || load("global") !== 0)
      assert.deepStrictEqual([load("global"), load("lock")], [0, 2])
      unlock(memory)
      yield* thread.nextMessage
      assert.deepStrictEqual([load("global"), load("lock")], [1, 0])
    })
  )

  it.live(
    "loses updates of threads without a mutex, and none with one or with Atomics.add",
    () =>
      Effect.gen(function* () {
        const { threads }: Figures = JSON.parse(yield* demo({}, "--json"))
        const unlocked = threads.filter(({ way }) => way === "none")
        assert.deepStrictEqual(
          threads.slice(unlocked.length).map(({ expected, lost, observed, way }) => [way, expected, observed, lost]),
          [
            ["mutex", 2 * count, 2 * count, 0],
            ["add", 2 * count, 2 * count, 0]
          ]
        )
        for (const { count, expected, lost, observed } of unlocked) {
          assert.deepStrictEqual([expected, lost], [2 * count, expected - observed])
          // No update counts twice, and the last update of all cannot be lost.
          assert.isAtLeast(lost, 0)
          assert.isAbove(observed, 0)
        }
        // A round that lost none by chance was repeated with ten times as many updates.
        assert.isTrue(unlocked.slice(0, -1).every(({ lost }) => lost === 0))
        assert.isTrue(unlocked.at(-1)!.lost > 0 || unlocked.length === 4)
      }),
    testTimeoutMillis
  )

  it.live(
    "loses updates of fibers only under SimScheduler, repeats the loss from its seed, and loses none with a remedy",
    () =>
      Effect.gen(function* () {
        const { fibers }: Figures = JSON.parse(yield* demo({}, "--json"))
        const { cures, expected, found, usual } = fibers
        assert.isAbove(usual.runs, 0)
        assert.strictEqual(usual.lost, 0)
        assert.match(found.observed, new RegExp(`^[0-9]+ of ${expected} updates counted$`))
        assert.isBelow(Number.parseInt(found.observed, 10), expected)
        assert.deepStrictEqual(
          cures.map(({ cure, lost, runs }) => [cure, runs, lost]),
          ["Ref.update", "Semaphore", "Effect.tx"].map((cure) => [cure, usual.runs, 0])
        )
        // A remedy without interleavings to explore would prove nothing.
        assert.isTrue(cures.every(({ interleavings }) => interleavings > 10))
        const [, seed] = /SIM_SEED=(\d+) SIM_RUNS=1/.exec(found.message)!
        assert.strictEqual(Number(seed), found.seed)
        const text = yield* demo({ SIM_SEED: seed!, SIM_RUNS: "1" })
        assert.include(text, found.message.replace(/, run \d+/, ", run 1"))
        assert.match(text, /^mutex \(Atomics\.wait\) +1000000 +2000000 +2000000 +0 /m)
      }),
    testTimeoutMillis
  )
})
