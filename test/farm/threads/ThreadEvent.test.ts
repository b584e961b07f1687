import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as ThreadEvent from "../../../src/farm/threads/ThreadEvent.ts"

describe("ThreadEvent", () => {
  it.effect("logs deaths with their packet, replacements and recycled threads", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel}: ${message}`))
      const worker = "thread 2"
      const events: ReadonlyArray<ThreadEvent.ThreadEvent> = [
        { _tag: "ThreadDied", worker, message: "the thread exited with code 3", packet: 7 },
        { _tag: "ThreadDied", worker, message: "the thread exited with code 3" },
        { _tag: "ThreadReplaced", worker },
        { _tag: "ThreadRecycled", worker, packets: 100 },
        { _tag: "WorkerGivenUp", worker, message: "the thread exited with code 3" }
      ]
      yield* Effect.forEach(events, ThreadEvent.log).pipe(
        Effect.provide(Logger.layer([logger])),
        Effect.provideService(References.MinimumLogLevel, "Debug")
      )
      assert.deepStrictEqual(lines, [
        "Warn: thread 2: the thread exited with code 3, in packet 7",
        "Warn: thread 2: the thread exited with code 3",
        "Info: thread 2: replaced",
        "Debug: thread 2: recycled after 100 packets",
        "Warn: thread 2: given up: the thread exited with code 3"
      ])
    })
  )
})
