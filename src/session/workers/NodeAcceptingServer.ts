/** A server that accepts the clients in this process and serves them in workers, which get the clients from it. */
import * as Effect from "effect/Effect"
import type * as Network from "../../network/Network.ts"
import * as ServerEvents from "../../network/ServerEvents.ts"
import * as TcpServer from "../../network/TcpServer.ts"
import type { LoadableProgram, Options, SessionServer } from "../ConcurrencyModel.ts"
import * as NodeClientPool from "./NodeClientPool.ts"
import * as NodeDefinitionLoader from "./NodeDefinitionLoader.ts"
import * as SharedStateServer from "./SharedStateServer.ts"
import * as WorkerMessage from "./WorkerMessage.ts"

/** Kind of the workers: the way of a client to them, and the limits that they apply. */
export interface Kind<Handle extends NodeClientPool.AnyHandle>
  extends Pick<NodeClientPool.Options<Handle>, "noun" | "poolSize" | "spawn" | "workerTimeoutMillis"> {
  /** Serves a connection in a worker of the pool. */
  readonly serve: (
    pool: NodeClientPool.NodeClientPool<Handle>,
    connection: Network.Connection,
    id: number
  ) => Effect.Effect<void>
  /** Limits that this process applies besides its maximum of connections. */
  readonly limitsHere: (limits: TcpServer.Limits) => TcpServer.Limits
  /** Limits that the workers apply. */
  readonly limitsOfWorkers: (limits: WorkerMessage.Limits) => WorkerMessage.Limits
}

/** Default maximum number of clients with a worker each: each takes about 50 MB. */
const defaultMaxWorkers = 100

/** Starts the workers, then the server. Its network is that of the caller. */
export const make = Effect.fnUntraced(function* <Handle extends NodeClientPool.AnyHandle, S, Ask, Message>(
  program: LoadableProgram<S, Ask, Message>,
  options: Options,
  { limitsHere, limitsOfWorkers, noun, poolSize, serve, spawn, workerTimeoutMillis }: Kind<Handle>
) {
  const { definition, module, shared } = program
  yield* NodeDefinitionLoader.decode(module, definition, program.options)
  const service = options.service ?? definition.name
  const here = (limits: TcpServer.Limits) => ({
    ...limitsHere(limits),
    maxConnections: limits.maxConnections ?? (poolSize === undefined ? defaultMaxWorkers : undefined)
  })
  const ofWorkers = (limits: WorkerMessage.GivenLimits) => limitsOfWorkers(WorkerMessage.limitsOf(limits, service))
  const pool = yield* NodeClientPool.make<Handle>({
    noun,
    poolSize,
    sharedState: yield* SharedStateServer.make(program),
    spawn,
    start: {
      _tag: "Start",
      module,
      options: program.options,
      shared: shared !== undefined,
      singleClient: poolSize === undefined,
      limits: ofWorkers(options)
    },
    workerTimeoutMillis
  })
  const server = yield* TcpServer.make(
    { ...options, ...here(options), service },
    (connection, { id }) => serve(pool, connection, id),
    pool.events
  )
  // Keeps the metrics current between two reads of the stats.
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep("1 second"), pool.refreshStats)))

  const stats = Effect.map(Effect.andThen(pool.refreshStats, server.stats), (stats) => ({
    ...stats,
    timedOut: stats.timedOut + pool.timedOut()
  }))
  const result: SessionServer = {
    ...ServerEvents.observable(server.events, stats),
    address: server.address,
    connections: server.connections,
    reconfigure: (limits) =>
      Effect.andThen(
        Effect.sync(() => pool.reconfigure(ofWorkers({ ...limits, rate: options.rate, seed: options.seed }))),
        server.reconfigure(here(limits))
      ),
    drain: Effect.andThen(server.drain, pool.kill)
  }
  return result
})
