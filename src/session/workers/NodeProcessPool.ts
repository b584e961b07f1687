/**
 * The worker processes of a server: a pool of a fixed size, or one process for each client.
 *
 * One process for each client needs a spare one, because a process takes longer to start than a client should wait. The
 * server keeps a handed connection open until its worker has accepted it: if the worker ends before that, another
 * worker gets the connection. `ClientAssignment` decides; this module performs its actions.
 */
import * as Os from "node:os"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as HashMap from "effect/HashMap"
import * as NodeModuleUrl from "../../process/NodeModuleUrl.ts"
import * as NodeWorkerHandle from "../../process/NodeWorkerHandle.ts"
import * as ClientAssignment from "./ClientAssignment.ts"
import type { HandedConnection } from "./NodeHandedConnectionAdapter.ts"
import * as NodeWorkerGroup from "./NodeWorkerGroup.ts"
import type * as SharedStateServer from "./SharedStateServer.ts"
import type * as WorkerMessage from "./WorkerMessage.ts"

/** A client that has not left. `release` ends the fiber that serves it. */
interface Client {
  readonly handed: HandedConnection["Service"]
  readonly release: () => void
}

type Handle = NodeWorkerHandle.ProcessHandle<WorkerMessage.ToWorker>

const workerProgram = NodeModuleUrl.sibling(import.meta.url, "NodeSessionProcess")

/** Time that a worker with one client has to disconnect it before the worker is killed. */
const abortGraceMillis = 1_000

/** The processes and their clients. */
interface Pool {
  readonly isPerClient: boolean
  readonly group: NodeWorkerGroup.NodeWorkerGroup<Handle>
  readonly clients: Map<number, Client>
  readonly after: (millis: number, callback: () => void) => void
  state: ClientAssignment.State
}

const send = (pool: Pool, event: ClientAssignment.Event): void => {
  const { isPerClient, group, state } = pool
  const { supervisor } = group
  const available = supervisor.available().map(([id]) => id)
  const [next, actions] = ClientAssignment.step(isPerClient, state, event, available)
  pool.state = next
  // The waiting clients and the next one have a process each. Before the actions: a detached worker is replaced.
  if (isPerClient) supervisor.resize(Math.min(next.waiting.length + 1, Os.availableParallelism()))
  for (const action of actions) perform(pool, action)
}

const perform = (pool: Pool, action: ClientAssignment.Action): void => {
  const { clients, group, isPerClient } = pool
  const client = clients.get(action.client)
  switch (action._tag) {
    case "HandOver":
      if (client === undefined || client.handed.socket.destroyed)
        send(pool, { _tag: "Disconnected", client: action.client })
      else handOver(pool, action.worker, action.client, client.handed)
      return
    case "Requeue":
      if (client !== undefined) client.handed.post = undefined
      return
    case "Release":
      clients.delete(action.client)
      client?.release()
      return
    case "Abort":
      group.channel(action.worker)?.post({ _tag: "Abort", id: action.client })
      if (!isPerClient) return
      pool.after(abortGraceMillis, () => group.supervisor.kill(action.worker, "did not disconnect its client"))
  }
}

const handOver = ({ group, isPerClient }: Pool, worker: number, id: number, handed: HandedConnection["Service"]) => {
  const { local, remote, socket } = handed
  handed.post = (_tag) => group.channel(worker)?.post({ _tag, id })
  group.supervisor.handle(worker)?.postSocket({ _tag: "Serve", id, local, remote }, socket)
  if (isPerClient) group.supervisor.detach(worker)
}

const setTraffic = ({ clients }: Pool, traffic: WorkerMessage.ClientTraffic) => {
  const client = clients.get(traffic[0])
  if (client !== undefined) client.handed.traffic = traffic
}

const receive = (pool: Pool, message: WorkerMessage.FromWorker) => {
  switch (message._tag) {
    case "Ready":
      return send(pool, { _tag: "WorkerReady" })
    case "Accepted":
      pool.clients.get(message.id)?.handed.socket.destroy()
      return send(pool, { _tag: "Accepted", client: message.id })
    case "Disconnected":
      setTraffic(pool, message.traffic)
      return send(pool, { _tag: "Disconnected", client: message.traffic[0] })
    case "Report":
      for (const traffic of message.traffic) setTraffic(pool, traffic)
  }
}

/** Starts the workers; all have ended when the scope has closed. Without `poolSize` each client has its own process. */
export const make = Effect.fnUntraced(function* (
  start: WorkerMessage.Start,
  poolSize: number | undefined,
  sharedState: SharedStateServer.SharedStateServer
) {
  const run = yield* FiberSet.makeRuntime<never>()
  const group: NodeWorkerGroup.NodeWorkerGroup<Handle> = yield* NodeWorkerGroup.make<Handle>({
    noun: "worker process",
    module: start.module,
    sharedState,
    spawn: (_, listeners) => {
      // The worker's stdout goes to stderr, with the logs: stdout is for the results of this process.
      const handle: Handle = NodeWorkerHandle.childProcess(workerProgram, { stdout: 2 }, listeners)
      handle.post(start)
      return handle
    },
    onMessage: (_, message) => receive(pool, message),
    onEnd: ({ id, wasDetached }) => {
      const hadClients = !HashMap.isEmpty(ClientAssignment.clientsOf(pool.state, id))
      send(pool, { _tag: "WorkerEnded", worker: id })
      if (!wasDetached) return "starting another"
      return hadClients ? "its client is disconnected" : undefined
    }
  })
  const pool: Pool = {
    isPerClient: poolSize === undefined,
    group,
    clients: new Map(),
    after: (millis, callback) => void run(Effect.delay(Effect.sync(callback), millis)),
    state: ClientAssignment.initial
  }
  yield* group.start(poolSize ?? 1)

  return {
    kill: group.supervisor.close,
    events: group.events,
    refreshStats: group.refreshStats,
    timedOut: () => group.stats().timedOut,
    /** Serves a client until it disconnects. Interruption disconnects it. */
    serve: (handed: HandedConnection["Service"], id: number) =>
      Effect.callback<void>((resume) => {
        pool.clients.set(id, { handed, release: () => resume(Effect.void) })
        send(pool, { _tag: "Connected", client: id })
        return Effect.sync(() => {
          pool.clients.delete(id)
          send(pool, { _tag: "Abandoned", client: id })
        })
      })
  }
})
