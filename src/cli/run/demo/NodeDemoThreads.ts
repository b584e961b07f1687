/** Worker threads of the demonstrations as scoped resources: each ends with its scope. */
import { Worker } from "node:worker_threads"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as NodeModuleUrl from "../../../process/NodeModuleUrl.ts"

/** Running thread. */
interface DemoThread<Message> {
  readonly worker: Worker
  /** Waits for the next message of the thread. An error in the thread is a defect. */
  readonly nextMessage: Effect.Effect<Message>
  /** Waits for the exit code. */
  readonly exitCode: Effect.Effect<number>
}

/** Task of `NodeDemoThread`. A task with `memory` stores 1 at `finishedIndex` when it finishes. */
export type Job =
  | { readonly task: "exit" | "return" | "wait" }
  | { readonly task: "loop"; readonly memory: Int32Array }
  | { readonly task: "toil"; readonly memory: Int32Array; readonly millis: number }
  | { readonly task: "parent"; readonly memory: Int32Array; readonly millis: number; readonly detached: boolean }

/** Index of the flag that a task sets when it finishes. */
export const finishedIndex = 0

/** Resident memory of this process. */
export const residentBytes = Effect.sync(() => process.memoryUsage.rss())

/** Starts a module of this folder, such as `NodeMutexThread`, as a thread. */
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
