/** A worker thread: a server on a port that it shares with other threads. */
import { flushCompileCache } from "node:module"
import { parentPort, workerData } from "node:worker_threads"
import * as Effect from "effect/Effect"
import { NetworkError } from "../../network/Network.ts"
import * as NodeNetwork from "../../network/node/NodeNetwork.ts"
import * as NodeServerInWorker from "./NodeServerInWorker.ts"
import type * as WorkerMessage from "./WorkerMessage.ts"

const { ids: lastClientId, start } = workerData as { readonly start: WorkerMessage.Start; readonly ids: BigInt64Array }

const post = (message: WorkerMessage.FromWorker) => parentPort!.postMessage(message)

/** Returns the next client number. All threads share one counter, so that none is used twice after a replacement. */
const nextClientId = () => Number(Atomics.add(lastClientId, 0, 1n)) + 1

const program = Effect.gen(function* () {
  const { receive, report, server } = yield* NodeServerInWorker.make(start, post, nextClientId)
  parentPort!.on("message", (message: WorkerMessage.ToWorker) => {
    switch (message._tag) {
      case "RequestReport":
        return void Effect.runFork(report([]))
      case "Drain":
        return void Effect.runFork(
          Effect.andThen(
            server.drain,
            Effect.andThen(
              report([]),
              Effect.sync(() => post({ _tag: "Drained" }))
            )
          )
        )
      case "Start":
      case "Serve":
        return
      default:
        return receive(message)
    }
  })
  post({ _tag: "Ready" })
  // A terminated thread does not write its compile cache.
  flushCompileCache()
  return yield* Effect.never
})

/** Serves until the thread is terminated. */
export const main = () => {
  Effect.runFork(
    program.pipe(
      Effect.scoped,
      Effect.catch((error) => {
        const reason = error instanceof NetworkError ? error.reason : undefined
        return Effect.sync(() => post({ _tag: "Failed", message: error.message, reason }))
      }),
      Effect.provide(NodeNetwork.layer)
    )
  )
}
