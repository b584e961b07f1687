import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { constVoid } from "effect/Function"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import type * as NodeWorkerHandle from "../../../src/process/NodeWorkerHandle.ts"
import * as NodeWorkerGroup from "../../../src/session/workers/NodeWorkerGroup.ts"
import type * as WorkerMessage from "../../../src/session/workers/WorkerMessage.ts"

type Listeners = NodeWorkerHandle.Listeners<WorkerMessage.FromWorker>

/** Makes a group of one worker, which is ready. `workers` has the listeners of each that was started. */
const open = Effect.gen(function* () {
  const workers: Array<Listeners> = []
  const group = yield* NodeWorkerGroup.make({
    ...{ noun: "worker thread", module: "session.ts", workerTimeoutMillis: Number.POSITIVE_INFINITY },
    sharedState: {
      openChannel: () => ({ post: constVoid, receive: constVoid, acknowledge: constVoid, close: constVoid })
    },
    spawn: (_, listeners) => {
      workers.push(listeners)
      return { post: constVoid, kill: () => listeners.onEnd("was killed") }
    },
    onMessage: constVoid,
    onEnd: () => "the others serve its clients"
  })
  const start = yield* Effect.forkChild(group.start(1), { startImmediately: true })
  workers[0]!.onMessage({ _tag: "Ready" })
  yield* Fiber.join(start)
  /** Ends the last worker, and waits until there is another one. */
  const end = (reason: string) =>
    Effect.gen(function* () {
      const { length } = workers
      workers.at(-1)!.onEnd(reason)
      while (workers.length === length) yield* TestClock.adjust("100 millis")
    })
  return { workers, end }
})

/** Runs a test with a group in a scope of its own, and the lines of its log. */
const withLog = (
  test: (group: Effect.Success<typeof open>, lines: Array<string>, close: Effect.Effect<void>) => Effect.Effect<void>
) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel} ${message}`))
    const scope = yield* Scope.make()
    const group = yield* open.pipe(Scope.provide(scope), Effect.provide(Logger.layer([logger])))
    yield* test(group, lines, Scope.close(scope, Exit.void))
  })

const failed = (count: number) => `exited with code ${count}: the others serve its clients`

describe("NodeWorkerGroup", () => {
  it.effect("logs a worker that cannot start once a minute, and the number of those left out at its end", () =>
    withLog(({ end }, lines, close) =>
      Effect.gen(function* () {
        yield* end("crashed")
        for (const code of [1, 2, 3]) yield* end(`exited with code ${code}`)
        const [crashed, first, ...others] = lines.splice(0)
        assert.strictEqual(crashed, "Warn a worker thread crashed: the others serve its clients")
        assert.strictEqual(first, `Warn a worker thread ${failed(1)}`)
        assert.deepStrictEqual(others, [])
        yield* close
        assert.deepStrictEqual(lines, [`Warn a worker thread ${failed(3)} (2 times since the last such line)`])
      })
    )
  )

  it.effect("logs the number of those left out when a worker has started again", () =>
    withLog(({ end, workers }, lines, close) =>
      Effect.gen(function* () {
        for (const code of [1, 2, 3]) yield* end(`exited with code ${code}`)
        lines.length = 0
        workers.at(-1)!.onMessage({ _tag: "Ready" })
        assert.deepStrictEqual(lines.splice(0), [
          `Warn a worker thread ${failed(3)} (1 time since the last such line)`,
          "Info a worker thread has started again"
        ])
        yield* close
        assert.deepStrictEqual(lines, [])
      })
    )
  )
})
