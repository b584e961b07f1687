/** A worker process: a server whose connections are handed over by its parent. */
import { flushCompileCache } from "node:module"
import type * as Net from "node:net"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Queue from "effect/Queue"
import * as Network from "../../network/Network.ts"
import { NodeConnection } from "../../network/node/NodeConnection.ts"
import type { SessionError } from "../Session.ts"
import * as NodeServerInWorker from "./NodeServerInWorker.ts"
import * as WorkerMessage from "./WorkerMessage.ts"

const post = (message: WorkerMessage.FromWorker, sent?: () => void) => {
  if (process.connected) process.send!(message, undefined, undefined, () => sent?.())
}

const unsupported = () =>
  Effect.die(
    new Error(
      "cannot connect or open UDP sockets: a worker process has only the connections that its parent hands over"
    )
  )

/**
 * Returns an adapter that poses as a `Network`, whose listener accepts the connections of a queue.
 *
 * `closed` runs after one of them has closed.
 */
const workerNetworkAdapter = (
  handed: Queue.Queue<NodeConnection>,
  closed: (connection: NodeConnection) => Effect.Effect<void>
) => {
  const accept = Effect.acquireRelease(
    Queue.take(handed),
    (connection) => Effect.andThen(connection.close, closed(connection)),
    { interruptible: true }
  )
  return Network.Network.of({
    listen: () => Effect.succeed({ address: NetAddress.unixPathAddress(""), accept }),
    connect: unsupported,
    udp: unsupported,
    interfaces: Effect.succeed([]),
    availableSockets: () => Number.POSITIVE_INFINITY
  })
}

const serve = Effect.fnUntraced(function* (start: WorkerMessage.Start, setListener: (listener: Listener) => void) {
  const handed = yield* Queue.unbounded<NodeConnection>()
  const postDisconnected = (traffic: WorkerMessage.ClientTraffic) =>
    Effect.map(worker.server.stats, (stats) =>
      post({ _tag: "Disconnected", traffic, stats }, () => {
        if (start.singleClient) process.exit()
      })
    )
  const network = workerNetworkAdapter(handed, (connection) => {
    const id = Context.get(connection.context, Network.ConnectionNumber)!
    return postDisconnected(WorkerMessage.trafficOf([id, connection]))
  })
  const worker = yield* Effect.provideService(NodeServerInWorker.make(start, post), Network.Network, network)

  setListener((message, socket) => {
    if (message._tag !== "Serve") return worker.receive(message)
    const { id, local, remote } = message
    post({ _tag: "Accepted", id })
    if (socket === undefined) return void Effect.runFork(postDisconnected([id, 0, 0]))
    // Node starts reading at once; the bytes that it has read by now stay in its buffer.
    socket.pause()
    socket.allowHalfOpen = true
    const connection = new NodeConnection(socket, {
      local: WorkerMessage.decodeAddress(local),
      remote: WorkerMessage.decodeAddress(remote),
      context: Context.make(Network.ConnectionNumber, id)
    })
    worker.connections.set(id, connection)
    Queue.offerUnsafe(handed, connection)
  })
  post({ _tag: "Ready" })
  // A process that ends by a signal does not write its compile cache.
  flushCompileCache()
  return yield* Effect.never
}, Effect.scoped)

type Listener = (message: WorkerMessage.ToWorker, socket: Net.Socket | undefined) => void

/** Serves until the process ends: with its parent, after its only client, or by a signal. */
export const main = () => {
  const setListener = (next: Listener) => {
    listener = next
  }
  let listener: Listener = (message) => {
    if (message._tag !== "Start") return
    const postFailed = (error: SessionError | Network.NetworkError) =>
      Effect.sync(() => post(WorkerMessage.failed(error), () => process.exit(1)))
    Effect.runFork(Effect.catch(serve(message, setListener), postFailed))
  }
  process.on("message", (message: WorkerMessage.ToWorker, socket: Net.Socket | undefined) => listener(message, socket))
}
