/** A worker thread: a server on a port that it shares with other threads. */
import { flushCompileCache } from "node:module"
import { parentPort, workerData } from "node:worker_threads"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Network from "../../network/Network.ts"
import * as NodeNetwork from "../../network/node/NodeNetwork.ts"
import * as NodeServerInWorker from "./NodeServerInWorker.ts"
import * as WorkerMessage from "./WorkerMessage.ts"

const { ids: lastClientId, start } = workerData as { readonly start: WorkerMessage.Start; readonly ids: BigInt64Array }

const post = (message: WorkerMessage.FromWorker) => parentPort!.postMessage(message)

/** Adds the number of the client. All threads share one counter, so that none is used twice after a replacement. */
const number = (connection: Network.Connection) => {
  const id = Number(Atomics.add(lastClientId, 0, 1n)) + 1
  return Network.withContext(connection, Context.make(Network.ConnectionNumber, id))
}

/** Adapter of the host's network that numbers the clients it accepts. */
const workerNetworkAdapter = Effect.map(Network.Network, (host) =>
  Network.Network.of({
    ...host,
    listen: (options) =>
      Effect.map(host.listen(options), ({ accept, address }) => ({ address, accept: Effect.map(accept, number) }))
  })
)

const program = Effect.gen(function* () {
  const { receive, report, server } = yield* NodeServerInWorker.make(start, post)
  const postDrained = Effect.sync(() => post({ _tag: "Drained" }))
  const drain = Effect.andThen(server.drain, Effect.andThen(report, postDrained))
  parentPort!.on("message", (message: WorkerMessage.ToWorker) => {
    if (message._tag === "Drain") Effect.runFork(drain)
    else receive(message)
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
      Effect.catch((error) => Effect.sync(() => post(WorkerMessage.failed(error)))),
      Effect.provideServiceEffect(Network.Network, workerNetworkAdapter),
      Effect.provide(NodeNetwork.layer)
    )
  )
}
