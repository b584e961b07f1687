/** A worker process: a server whose connections are handed over by its parent. */
import { flushCompileCache } from "node:module"
import type * as Net from "node:net"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Network from "../../network/Network.ts"
import { NodeConnection } from "../../network/node/NodeConnection.ts"
import { inetAddress } from "../../network/node/NodeErrors.ts"
import type * as TcpServer from "../../network/TcpServer.ts"
import type { SessionError } from "../Session.ts"
import * as NodeServerInWorker from "./NodeServerInWorker.ts"
import type * as WorkerMessage from "./WorkerMessage.ts"

const decodeAddress = (address: WorkerMessage.EncodedAddress): NetAddress.SocketAddress =>
  "path" in address ? NetAddress.unixPathAddress(address.path) : inetAddress(address.host, address.port)

const post = (message: WorkerMessage.FromWorker, sent?: () => void) => {
  if (process.connected) process.send!(message, undefined, undefined, () => sent?.())
}

const unsupported = () =>
  Effect.die(
    new Error(
      "cannot connect or open UDP sockets: a worker process has only the connections that its parent hands over"
    )
  )

const serve = Effect.fnUntraced(function* (
  start: WorkerMessage.Start,
  singleClient: boolean,
  setListener: (listener: Listener) => void
) {
  const handed = yield* Queue.unbounded<NodeConnection>()
  const ids = new Map<Network.Connection, number>()
  let stats: Effect.Effect<TcpServer.Stats> = Effect.never

  const trafficOf = (id: number, connection: Network.Connection): WorkerMessage.ClientTraffic => {
    const { received, sent } = connection.traffic()
    return [id, received, sent]
  }
  const postDisconnected = (traffic: WorkerMessage.ClientTraffic, timedOut: number) =>
    post({ _tag: "Disconnected", id: traffic[0], traffic, timedOut }, () => {
      if (singleClient) process.exit()
    })
  const close = (id: number, connection: NodeConnection) =>
    Effect.flatMap(connection.close, () => {
      ids.delete(connection)
      return Effect.map(stats, ({ timedOut }) => postDisconnected(trafficOf(id, connection), timedOut))
    })
  const accept = Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.scope, (scope) =>
      Effect.tap(restore(Queue.take(handed)), (connection) =>
        Scope.addFinalizer(scope, close(ids.get(connection)!, connection))
      )
    )
  )
  const network = Network.Network.of({
    listen: () => Effect.succeed({ address: NetAddress.unixPathAddress(""), accept }),
    connect: unsupported,
    udp: unsupported,
    interfaces: Effect.succeed([]),
    availableSockets: () => Number.POSITIVE_INFINITY
  })
  const workerServer = yield* Effect.provideService(
    NodeServerInWorker.make(start, post, (connection) => ids.get(connection)!),
    Network.Network,
    network
  )
  stats = workerServer.server.stats

  setListener((message, socket) => {
    switch (message._tag) {
      case "Serve": {
        post({ _tag: "Accepted", id: message.id })
        if (socket === undefined) return postDisconnected([message.id, 0, 0], 0)
        // Node starts reading at once; the bytes that it has read by now stay in its buffer.
        socket.pause()
        socket.allowHalfOpen = true
        const ends = { local: decodeAddress(message.local), remote: decodeAddress(message.remote) }
        const connection = new NodeConnection(socket, ends)
        ids.set(connection, message.id)
        workerServer.connections.set(message.id, connection)
        return void Queue.offerUnsafe(handed, connection)
      }
      case "RequestReport":
        return void Effect.runFork(
          workerServer.report(Array.from(ids, ([connection, id]) => trafficOf(id, connection)))
        )
      case "Start":
      case "Drain":
        return
      default:
        return workerServer.receive(message)
    }
  })
  post({ _tag: "Ready" })
  // A process that ends by a signal does not write its compile cache.
  flushCompileCache()
  return yield* Effect.never
}, Effect.scoped)

type Listener = (message: WorkerMessage.ToWorker, socket: Net.Socket | undefined) => void

const postFailed = ({ message }: SessionError | Network.NetworkError) =>
  Effect.sync(() => post({ _tag: "Failed", message }, () => process.exit(1)))

/** Serves until the process ends: with its parent, after its only client, or by a signal. */
export const main = () => {
  let listener: Listener = (message) => {
    if (message._tag !== "Start") return
    const { singleClient } = message
    Effect.runFork(
      Effect.catch(
        serve(message, singleClient === true, (next) => {
          listener = next
        }),
        postFailed
      )
    )
  }
  process.on("message", (message: WorkerMessage.ToWorker, socket: Net.Socket | undefined) => listener(message, socket))
}
