/** What a child process does: a server whose connections come from its parent. */
import { flushCompileCache } from "node:module"
import type * as Net from "node:net"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Network from "../../network/Network.ts"
import { NodeConnection } from "../../network/node/NodeConnection.ts"
import { inet } from "../../network/node/NodeErrors.ts"
import type * as TcpServer from "../../network/TcpServer.ts"
import type { SessionError } from "../Session.ts"
import * as NodeWorkerServer from "./NodeWorkerServer.ts"
import type * as Message from "./WorkerMessage.ts"

const addressOf = (place: Message.Place): NetAddress.SocketAddress =>
  "path" in place ? NetAddress.unixPathAddress(place.path) : inet(place.host, place.port)

const post = (message: Message.FromChild, sent?: () => void) => {
  if (process.connected) process.send!(message, undefined, undefined, () => sent?.())
}

const nowhere = () => Effect.die(new Error("a child process has the connections it is handed, and no others"))

const serve = Effect.fnUntraced(function* (start: Message.Start, once: boolean, heard: (listen: Listen) => void) {
  const arrived = yield* Queue.unbounded<NodeConnection>()
  const ids = new Map<Network.Connection, number>()
  let stats: Effect.Effect<TcpServer.Stats> = Effect.never

  const movedOf = (id: number, connection: Network.Connection): Message.Moved => {
    const { received, sent } = connection.traffic()
    return [id, received, sent]
  }
  const gone = (moved: Message.Moved, timedOut: number) =>
    post({ _tag: "Gone", id: moved[0], moved, timedOut }, () => {
      if (once) process.exit()
    })
  const close = (id: number, connection: NodeConnection) =>
    Effect.flatMap(connection.close, () => {
      ids.delete(connection)
      return Effect.map(stats, ({ timedOut }) => gone(movedOf(id, connection), timedOut))
    })
  const accept = Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.scope, (scope) =>
      Effect.tap(restore(Queue.take(arrived)), (connection) =>
        Scope.addFinalizer(scope, close(ids.get(connection)!, connection))
      )
    )
  )
  const network = Network.Network.of({
    listen: () => Effect.succeed({ address: NetAddress.unixPathAddress(""), accept }),
    connect: nowhere,
    udp: nowhere,
    interfaces: Effect.succeed([]),
    room: () => Number.POSITIVE_INFINITY
  })
  const child = yield* Effect.provideService(
    NodeWorkerServer.make(start, post, (connection) => ids.get(connection)!),
    Network.Network,
    network
  )
  stats = child.server.stats

  heard((message, socket) => {
    switch (message._tag) {
      case "Serve": {
        post({ _tag: "Taken", id: message.id })
        if (socket === undefined) return gone([message.id, 0, 0], 0)
        // It comes reading; what it has read by now is kept.
        socket.pause()
        socket.allowHalfOpen = true
        const ends = { local: addressOf(message.local), remote: addressOf(message.remote) }
        const connection = new NodeConnection(socket, ends)
        ids.set(connection, message.id)
        child.connections.set(message.id, connection)
        return void Queue.offerUnsafe(arrived, connection)
      }
      case "Count":
        return void Effect.runFork(child.report(Array.from(ids, ([connection, id]) => movedOf(id, connection))))
      case "Start":
      case "Drain":
        return
      default:
        return child.receive(message)
    }
  })
  post({ _tag: "Ready" })
  // Those that end by a signal write no cache.
  flushCompileCache()
  return yield* Effect.never
}, Effect.scoped)

type Listen = (message: Message.ToChild, socket: Net.Socket | undefined) => void

const failed = ({ message }: SessionError | Network.NetworkError) =>
  Effect.sync(() => post({ _tag: "Failed", message }, () => process.exit(1)))

/** Serves until the process ends: with its parent, with its only client, or when it is killed. */
export const main = () => {
  let listen: Listen = (message) => {
    if (message._tag !== "Start") return
    const { once } = message
    Effect.runFork(
      Effect.catch(
        serve(message, once === true, (next) => {
          listen = next
        }),
        failed
      )
    )
  }
  process.on("message", (message: Message.ToChild, socket: Net.Socket | undefined) => listen(message, socket))
}
