/** Worker threads as scoped resources: none outlives the demonstration that started it. */
import { Worker } from "node:worker_threads"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as NodeModuleUrl from "../../../process/NodeModuleUrl.ts"

interface DemoThread<Message> {
  readonly worker: Worker
  /** What it says next; a thread that breaks is a bug of ours. */
  readonly nextMessage: Effect.Effect<Message>
  /** Its exit code. */
  readonly exitCode: Effect.Effect<number>
}

/** What `NodeThread` can be told to do; `memory` is where it leaves its mark, at `finished`. */
export type Job =
  | { readonly task: "exit" | "return" | "wait" }
  | { readonly task: "loop"; readonly memory: Int32Array }
  | { readonly task: "toil"; readonly memory: Int32Array; readonly millis: number }
  | { readonly task: "parent"; readonly memory: Int32Array; readonly millis: number; readonly detached: boolean }

export const finishedIndex = 0

/** Bytes of memory that this process has. */
export const residentBytes = Effect.sync(() => process.memoryUsage.rss())

/** Runs a module of this folder, such as `NodeMutexThread`, as a thread. */
export const startThread = <Message>(module: string, data: object) =>
  Effect.gen(function* () {
    const messages = yield* Queue.unbounded<Message>()
    const exit = yield* Deferred.make<number>()
    const worker = yield* Effect.acquireRelease(
      Effect.sync(() => new Worker(NodeModuleUrl.sibling(import.meta.url, module), { workerData: data })),
      (worker) => Effect.promise(() => worker.terminate())
    )
    worker.on("message", (message: Message) => Queue.offerUnsafe(messages, message))
    worker.once("exit", (code) => Deferred.doneUnsafe(exit, Exit.succeed(code)))
    worker.once("error", (error) => {
      Queue.failCauseUnsafe(messages, Cause.die(error))
      Deferred.doneUnsafe(exit, Exit.die(error))
    })
    const thread: DemoThread<Message> = { worker, nextMessage: Queue.take(messages), exitCode: Deferred.await(exit) }
    return thread
  })
