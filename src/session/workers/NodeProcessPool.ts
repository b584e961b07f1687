/**
 * The worker processes of a server, which get the descriptors of their clients.
 *
 * The server keeps a handed connection open until its worker has accepted it: if the worker ends before that, another
 * worker gets the connection.
 */
import * as NodeModuleUrl from "../../process/NodeModuleUrl.ts"
import * as NodeWorkerHandle from "../../process/NodeWorkerHandle.ts"
import type * as NodeClientPool from "./NodeClientPool.ts"
import type { HandedConnection } from "./NodeHandedConnectionAdapter.ts"
import type * as WorkerMessage from "./WorkerMessage.ts"

type Handle = NodeWorkerHandle.ProcessHandle<WorkerMessage.ToWorker>

const workerProgram = NodeModuleUrl.sibling(import.meta.url, "NodeSessionProcess")

/** Starts a process. Its stdout goes to stderr, with the logs: stdout is for the results of this process. */
export const spawn: NodeClientPool.Spawn<Handle> = (start, listeners) => {
  const handle: Handle = NodeWorkerHandle.childProcess(workerProgram, { stdout: 2 }, listeners)
  handle.post(start)
  return handle
}

/** Returns the client of a connection that a worker gets. */
export const client = (id: number, handed: HandedConnection["Service"]): NodeClientPool.Client<Handle> => ({
  hasLeft: () => handed.socket.destroyed,
  handOver: (handle, post) => {
    const { local, remote, socket } = handed
    handed.post = post
    handle.postSocket({ _tag: "Serve", id, local, remote }, socket)
  },
  onAccepted: () => void handed.socket.destroy(),
  onRequeued: () => {
    handed.post = undefined
  },
  onTraffic: (traffic) => {
    handed.traffic = traffic
  }
})
