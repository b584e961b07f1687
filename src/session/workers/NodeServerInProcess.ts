/** A worker process: a server whose connections are handed over by its parent. */
import { flushCompileCache } from "node:module"
import type * as Net from "node:net"
import * as Effect from "effect/Effect"
import type * as Network from "../../network/Network.ts"
import { NodeConnection } from "../../network/node/NodeConnection.ts"
import type { SessionError } from "../Session.ts"
import * as NodeHandedServer from "./handover/NodeHandedServer.ts"
import * as WorkerMessage from "./WorkerMessage.ts"

const post = (message: WorkerMessage.FromWorker, sent?: () => void) => {
  if (process.connected) process.send!(message, undefined, undefined, () => sent?.())
}

const serve = Effect.fnUntraced(function* (start: WorkerMessage.Start, setListener: (listener: Listener) => void) {
  const { add, receive, reportGone } = yield* NodeHandedServer.make<NodeConnection>(start, post, () => process.exit())
  setListener((message, socket) => {
    if (message._tag !== "Serve") return receive(message)
    const { id, local, remote } = message
    post({ _tag: "Accepted", id })
    if (socket === undefined) return reportGone(id)
    // Node starts reading at once; the bytes that it has read by now stay in its buffer.
    socket.pause()
    socket.allowHalfOpen = true
    const ends = { local: WorkerMessage.decodeAddress(local), remote: WorkerMessage.decodeAddress(remote) }
    add(new NodeConnection(socket, { ...ends, context: NodeHandedServer.contextOf(id) }))
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
