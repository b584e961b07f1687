/**
 * The threads of a server with a thread for each client. Node cannot hand a socket to a thread: the server keeps it,
 * and the bytes travel over a `MessagePort`.
 */
import { MessageChannel } from "node:worker_threads"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Network from "../../network/Network.ts"
import type { WorkerHandle } from "../../process/NodeWorkerHandle.ts"
import { NodePortConnection } from "./handover/NodePortConnection.ts"
import * as Relay from "./handover/Relay.ts"
import type * as NodeClientPool from "./NodeClientPool.ts"
import * as NodeThreadPool from "./NodeThreadPool.ts"
import * as WorkerMessage from "./WorkerMessage.ts"

type Handle = WorkerHandle<WorkerMessage.ToWorker>

/** Starts a thread. */
export const spawn: NodeClientPool.Spawn<Handle> = (start, listeners) => NodeThreadPool.spawn({ start }, listeners)

/**
 * Serves a client in a thread of the pool, until the session has closed and its bytes were sent.
 *
 * Nothing is read from the client before a thread has accepted it: if the thread ends before that, another one gets all
 * of its bytes.
 */
export const serve = Effect.fnUntraced(function* (
  pool: NodeClientPool.NodeClientPool<Handle>,
  connection: Network.Connection,
  id: number
) {
  const { local, remote } = connection
  const run = Effect.runForkWith(yield* Effect.context<never>())
  let session: NodePortConnection | undefined
  let relay: Fiber.Fiber<void> | undefined
  const client: NodeClientPool.Client<Handle> = {
    hasLeft: () => false,
    handOver: (handle) => {
      const { port1, port2 } = new MessageChannel()
      session = new NodePortConnection(port1, { local, remote })
      const [localAddress, remoteAddress] = [local, remote].map(WorkerMessage.encodeAddress)
      handle.post({ _tag: "Serve", id, local: localAddress!, remote: remoteAddress!, port: port2 }, [port2])
    },
    onAccepted: () => {
      if (session !== undefined) relay = run(Relay.run(connection, session))
    },
    onRequeued: () => {
      if (session !== undefined) run(session.close)
      session = undefined
    },
    onTraffic: () => {}
  }
  const relayed = Effect.suspend(() => (relay === undefined ? Effect.void : Fiber.join(relay)))
  yield* Effect.onInterrupt(Effect.andThen(pool.serve(id, client), relayed), () =>
    Effect.suspend(() => (relay === undefined ? (session?.close ?? Effect.void) : Fiber.interrupt(relay)))
  )
})
