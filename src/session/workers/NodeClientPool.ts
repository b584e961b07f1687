/**
 * The workers of a server that accepts the clients itself: a pool of a fixed size, or one worker for each client.
 *
 * One worker for each client needs a spare one, because a worker takes longer to start than a client should wait.
 * `ClientAssignment` decides; this module performs its actions. How a worker gets a client depends on the kind of
 * worker.
 */
import * as Os from "node:os"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as HashMap from "effect/HashMap"
import * as Monotonic from "../../network/Monotonic.ts"
import type { Listeners, WorkerHandle } from "../../process/NodeWorkerHandle.ts"
import * as ClientAssignment from "./ClientAssignment.ts"
import * as NodeWorkerGroup from "./NodeWorkerGroup.ts"
import type * as WorkerMessage from "./WorkerMessage.ts"

/** A worker of either kind. */
export type AnyHandle = WorkerHandle<WorkerMessage.ToWorker>

/** Requests to a worker about one of its clients. */
type PostToClient = (tag: "EndRead" | "Abort") => void

/** A client that has not left. */
export interface Client<Handle> {
  /** Returns whether the client has left while it waited for a worker. */
  readonly hasLeft: () => boolean
  readonly handOver: (handle: Handle, post: PostToClient) => void
  /** The worker has the client. */
  readonly onAccepted: () => void
  /** The worker ended before it had the client, which waits for another one. */
  readonly onRequeued: () => void
  /** The worker has reported the traffic of the client. */
  readonly onTraffic: (traffic: WorkerMessage.ClientTraffic) => void
}

/** Starts a worker. */
export type Spawn<Handle> = (start: WorkerMessage.Start, listeners: Listeners<WorkerMessage.FromWorker>) => Handle

/** The kind and the number of the workers. */
export interface Options<Handle extends AnyHandle>
  extends Pick<NodeWorkerGroup.Owner<Handle>, "noun" | "sharedState" | "workerTimeoutMillis"> {
  /** Number of workers; undefined for one for each client. */
  readonly poolSize: number | undefined
  readonly start: WorkerMessage.Start
  readonly spawn: Spawn<Handle>
}

/** Time that a worker with one client has to disconnect it before the worker is killed. */
const abortGraceMillis = 1_000

/** A worker that has sent a message within this time gets a client without an offer: it may hang since then. */
const recentMillis = 10

/** Time after which a worker that does not respond to an offer is silent: other workers get the clients. */
const offerTimeoutMillis = 250

/** The workers and their clients. */
interface Pool<Handle extends AnyHandle> {
  readonly isPerClient: boolean
  readonly group: NodeWorkerGroup.NodeWorkerGroup<Handle>
  readonly clients: Map<number, Client<Handle> & { readonly release: () => void }>
  readonly now: () => number
  readonly after: (millis: number, callback: () => void) => void
  /** Times of the last messages of the workers. */
  readonly heardAtMillis: Map<number, number>
  /** Workers that have not responded to an offer, and its time. */
  readonly offeredAtMillis: Map<number, number>
  /** Workers that did not respond to an offer in time. */
  readonly silent: Set<number>
  /** Number of workers in a row that could not start. */
  failedStarts: number
  state: ClientAssignment.State
}

const send = <Handle extends AnyHandle>(pool: Pool<Handle>, event: ClientAssignment.Event): void => {
  const { group, isPerClient, silent, state } = pool
  const { supervisor } = group
  const available = supervisor.available().flatMap(([id]) => (silent.has(id) ? [] : [id]))
  const [next, actions] = ClientAssignment.step(isPerClient, state, event, available)
  pool.state = next
  // The waiting clients and the next one have a worker each. Before the actions: a detached worker is replaced.
  if (isPerClient) {
    const wanted = Math.min(next.waiting.length + 1, Os.availableParallelism())
    supervisor.resize(wanted + silent.size)
  }
  for (const action of actions) perform(pool, action)
}

const perform = <Handle extends AnyHandle>(pool: Pool<Handle>, action: ClientAssignment.Action) => {
  const { clients, group, isPerClient } = pool
  const client = clients.get(action.client)
  switch (action._tag) {
    case "Offer":
      return offer(pool, action.worker)
    case "HandOver":
      if (client === undefined || client.hasLeft()) send(pool, { _tag: "Disconnected", client: action.client })
      else handOver(pool, action.worker, action.client, client)
      return
    case "Requeue":
      return client?.onRequeued()
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

/** Hands clients over to a worker that responds. A client of one that hangs would wait until the worker is killed. */
const offer = <Handle extends AnyHandle>(pool: Pool<Handle>, worker: number) => {
  const { group, heardAtMillis, offeredAtMillis, silent } = pool
  const now = pool.now()
  if (now - (heardAtMillis.get(worker) ?? Number.NEGATIVE_INFINITY) <= recentMillis)
    return send(pool, { _tag: "Responded", worker })
  if (offeredAtMillis.has(worker)) return
  offeredAtMillis.set(worker, now)
  group.supervisor.handle(worker)?.post({ _tag: "RequestReport" })
  pool.after(offerTimeoutMillis, () => {
    if (offeredAtMillis.get(worker) !== now) return
    offeredAtMillis.delete(worker)
    silent.add(worker)
    send(pool, { _tag: "Silent", worker })
  })
}

const handOver = <Handle extends AnyHandle>(pool: Pool<Handle>, worker: number, id: number, client: Client<Handle>) => {
  const { group, isPerClient } = pool
  const handle = group.supervisor.handle(worker)
  if (handle !== undefined) client.handOver(handle, (_tag) => group.channel(worker)?.post({ _tag, id }))
  if (isPerClient) group.supervisor.detach(worker)
}

/** Gives a worker that has sent a message the clients that wait for it. */
const flush = <Handle extends AnyHandle>(pool: Pool<Handle>, worker: number) => {
  if (pool.offeredAtMillis.delete(worker)) send(pool, { _tag: "Responded", worker })
  // Also a worker that was unresponsive for the supervisor: its answer causes no event of its own.
  if (pool.silent.delete(worker) || pool.state.waiting.length > 0) send(pool, { _tag: "WorkerAvailable" })
}

const receive = <Handle extends AnyHandle>(pool: Pool<Handle>, message: WorkerMessage.FromWorker) => {
  const { clients } = pool
  switch (message._tag) {
    case "Ready":
      pool.failedStarts = 0
      return send(pool, { _tag: "WorkerAvailable" })
    case "Accepted":
      clients.get(message.id)?.onAccepted()
      return send(pool, { _tag: "Accepted", client: message.id })
    case "Disconnected": {
      const [id] = message.traffic
      clients.get(id)?.onTraffic(message.traffic)
      return send(pool, { _tag: "Disconnected", client: id })
    }
    case "Report":
      for (const traffic of message.traffic) clients.get(traffic[0])?.onTraffic(traffic)
  }
}

/** Returns the consequence of the end of a worker, if it is worth a line. */
const end = <Handle extends AnyHandle>(
  pool: Pool<Handle>,
  { id, wasDetached, wasReady }: NodeWorkerGroup.WorkerEnded
) => {
  const { heardAtMillis, offeredAtMillis, silent } = pool
  const hadClients = !HashMap.isEmpty(ClientAssignment.clientsOf(pool.state, id))
  heardAtMillis.delete(id)
  offeredAtMillis.delete(id)
  silent.delete(id)
  const waiting = pool.state.waiting.length
  if (!wasReady) send(pool, { _tag: "StartFailed", isRepeated: ++pool.failedStarts > 1 })
  const closed = waiting - pool.state.waiting.length
  send(pool, { _tag: "WorkerEnded", worker: id })
  if (wasDetached) return hadClients ? "its client is disconnected" : undefined
  const lost = closed === 1 ? "a waiting client is disconnected" : `${closed} waiting clients are disconnected`
  return closed === 0 ? "starting another" : `${lost}, starting another`
}

/** Starts the workers; all have ended when the scope has closed. */
export const make = Effect.fnUntraced(function* <Handle extends AnyHandle>(options: Options<Handle>) {
  const { noun, poolSize, sharedState, workerTimeoutMillis } = options
  let { start } = options
  const reconfigureMessage = () => ({ _tag: "Reconfigure", limits: start.limits }) as const
  const now = yield* Monotonic.millis
  const run = yield* FiberSet.makeRuntime<never>()
  const group: NodeWorkerGroup.NodeWorkerGroup<Handle> = yield* NodeWorkerGroup.make<Handle>({
    noun,
    module: start.module,
    sharedState,
    workerTimeoutMillis,
    // The server itself reports the start and the end of a client.
    isEventOfServer: ({ _tag }) => _tag === "TimedOut",
    spawn: (id, { onEnd, onMessage }) =>
      options.spawn(start, {
        onEnd,
        onMessage: (message) => {
          pool.heardAtMillis.set(id, now())
          onMessage(message)
          flush(pool, id)
        }
      }),
    onMessage: (id, message) => {
      // A process that is starting reads no message but its first.
      if (message._tag === "Ready" && start !== options.start) group.post(id, reconfigureMessage())
      receive(pool, message)
    },
    onEnd: (ended) => end(pool, ended)
  })
  const pool: Pool<Handle> = {
    isPerClient: poolSize === undefined,
    group,
    clients: new Map(),
    now,
    after: (millis, callback) => void run(Effect.delay(Effect.sync(callback), millis)),
    heardAtMillis: new Map(),
    offeredAtMillis: new Map(),
    silent: new Set(),
    failedStarts: 0,
    state: ClientAssignment.initial
  }
  yield* group.start(poolSize ?? 1)

  return {
    kill: group.supervisor.close,
    events: group.events,
    refreshStats: group.refreshStats,
    timedOut: () => group.stats().timedOut,
    /** Gives new limits to all workers, also to those that start later. */
    reconfigure: (limits: WorkerMessage.Limits) => {
      start = { ...start, limits }
      group.postAll(reconfigureMessage())
    },
    /** Serves a client until it disconnects. Interruption disconnects it. */
    serve: (id: number, client: Client<Handle>) =>
      Effect.callback<void>((resume) => {
        pool.clients.set(id, { ...client, release: () => resume(Effect.void) })
        send(pool, { _tag: "Connected", client: id })
        return Effect.sync(() => {
          pool.clients.delete(id)
          send(pool, { _tag: "Abandoned", client: id })
        })
      })
  }
})

export type NodeClientPool<Handle extends AnyHandle> = Effect.Success<ReturnType<typeof make<Handle>>>
