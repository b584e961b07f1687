/** A worker thread: a server on a port that it shares with other threads, or for one client that is handed over. */
import { flushCompileCache } from "node:module"
import { type MessagePort, parentPort, workerData } from "node:worker_threads"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Network from "../../network/Network.ts"
import * as NodeNetwork from "../../network/node/NodeNetwork.ts"
import type { SessionError } from "../Session.ts"
import * as NodeHandedServer from "./handover/NodeHandedServer.ts"
import { NodePortConnection } from "./handover/NodePortConnection.ts"
import * as NodeServerInWorker from "./NodeServerInWorker.ts"
import * as WorkerMessage from "./WorkerMessage.ts"

const { ids: lastClientId, start } = workerData as WorkerMessage.ThreadData

const post: NodeHandedServer.Post = (message, sent) => {
  parentPort!.postMessage(message)
  sent?.()
}

const onMessage = (receive: (message: WorkerMessage.ToWorker) => void) => void parentPort!.on("message", receive)

/** Adds the number of the client. All threads share one counter, so that none is used twice after a replacement. */
const number = (connection: Network.Connection) => {
  const id = Number(Atomics.add(lastClientId!, 0, 1n)) + 1
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

const listen = Effect.gen(function* () {
  const { receive, report, server } = yield* NodeServerInWorker.make(start, post)
  const postDrained = Effect.sync(() => post({ _tag: "Drained" }))
  const drain = Effect.andThen(server.drain, Effect.andThen(report, postDrained))
  onMessage((message) => (message._tag === "Drain" ? void Effect.runFork(drain) : receive(message)))
}).pipe(Effect.provideServiceEffect(Network.Network, workerNetworkAdapter), Effect.provide(NodeNetwork.layer))

/** Serves the client whose bytes travel over a port. */
const serveHanded = Effect.gen(function* () {
  const { add, receive } = yield* NodeHandedServer.make<NodePortConnection>(start, post, () => process.exit())
  onMessage((message) => {
    if (message._tag !== "Serve") return receive(message)
    const { id, local, port, remote } = message
    const ends = { local: WorkerMessage.decodeAddress(local), remote: WorkerMessage.decodeAddress(remote) }
    add(new NodePortConnection(port as MessagePort, { ...ends, context: NodeHandedServer.contextOf(id) }))
    post({ _tag: "Accepted", id })
  })
})

const program = Effect.gen(function* () {
  yield* start.listen === undefined ? serveHanded : listen
  post({ _tag: "Ready" })
  // A terminated thread does not write its compile cache.
  flushCompileCache()
  return yield* Effect.never
})

/** Serves until the thread is terminated. */
export const main = () => {
  const postFailed = (error: SessionError | Network.NetworkError) =>
    Effect.sync(() => post(WorkerMessage.failed(error)))
  Effect.runFork(program.pipe(Effect.scoped, Effect.catch(postFailed)))
}
