/**
 * Concurrency model "processes": worker processes serve the clients, one process for each client or a pool.
 *
 * One process for each client is the fork after accept of the course; a pool is started in advance. A crash disconnects
 * only the clients of one worker, and a session that computes delays only the clients of its worker.
 *
 * The workers use the host's network: a simulated network, faults and captures of this process do not apply to them.
 * They end with the scope, and also if this process dies.
 *
 * **Example** (Serving from a pool)
 *
 * The workers import the module that exports `definition`, so that this program is the module `counter.ts`.
 *
 * ```ts no-run
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 * import { NodeNetwork } from "effect-inet/network"
 * import { NodeProcesses, type Session } from "effect-inet/session"
 *
 * const Options = Schema.Struct({ greeting: Schema.String })
 * export const definition: Session.Definition<typeof Options.Type, number> = {
 *   ...{ name: "counter", options: Options, ask: Schema.Never, message: Schema.Never },
 *   make: ({ greeting }) =>
 *     Effect.succeed({
 *       framing: { _tag: "Lines" },
 *       open: () => [0, { text: `${greeting}\n` }],
 *       receive: (count, { _tag }) => (_tag === "Line" ? [count + 1, { text: `line ${count + 1}\n` }] : [count, {}])
 *     })
 * }
 *
 * const serve = Effect.gen(function* () {
 *   const options = { greeting: "hello" }
 *   const session = yield* definition.make(options)
 *   const program = { session, definition, options, module: import.meta.url }
 *   yield* NodeProcesses.model({ pool: 2 }).serve(program, { port: 1066 })
 *   return yield* Effect.never
 * })
 *
 * if (import.meta.main) await Effect.runPromise(serve.pipe(Effect.scoped, Effect.provide(NodeNetwork.layer)))
 * ```
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Network from "../network/Network.ts"
import * as NodeNetwork from "../network/node/NodeNetwork.ts"
import * as ServerEvents from "../network/ServerEvents.ts"
import * as TcpServer from "../network/TcpServer.ts"
import type { SessionServer, WorkerModel } from "./ConcurrencyModel.ts"
import { SessionError } from "./Session.ts"
import * as NodeDefinitionLoader from "./workers/NodeDefinitionLoader.ts"
import * as NodeHandedConnectionAdapter from "./workers/NodeHandedConnectionAdapter.ts"
import * as NodeProcessPool from "./workers/NodeProcessPool.ts"
import * as SharedStateServer from "./workers/SharedStateServer.ts"
import * as WorkerMessage from "./workers/WorkerMessage.ts"

/** Distribution of clients over processes. @category models @since 0.1.0 */
export interface ProcessOptions {
  /** Number of processes, each with many clients, 1 or more. Default: one process for each client. */
  readonly pool?: number | undefined
}

/** Default maximum number of clients with a process each; a process takes about 50 MB. */
const defaultMaxProcesses = 100

/** No timeouts in this process: the workers detect idle clients and blocked writes. */
const noTimeouts = { idleTimeout: "Infinity", writeTimeout: "Infinity" } as const

/**
 * Returns the model that serves clients in worker processes, which create the session themselves.
 *
 * The default of `maxConnections` is 100 with a process for each client, and that of `TcpServer` with a pool. The
 * output of the workers goes to stderr. `serve` fails with `SessionError` if the workers cannot load the module, or if
 * the options do not match its schema.
 *
 * @category models
 * @since 0.1.0
 */
export const model = ({ pool }: ProcessOptions = {}): WorkerModel => ({
  name: "processes",
  serve: Effect.fnUntraced(function* (program, options) {
    if (pool !== undefined && !(Number.isInteger(pool) && pool > 0)) {
      const message = `invalid pool size ${pool}: must be at least 1; omit it for a process for each client`
      return yield* new SessionError({ message })
    }
    const { definition, module } = program
    yield* NodeDefinitionLoader.decode(module, definition, program.options)
    const host = yield* Effect.provide(Network.Network, NodeNetwork.layer)
    const limits = WorkerMessage.limitsOf(options, definition.name)
    const sharedState = yield* SharedStateServer.make(program)
    const processes = yield* NodeProcessPool.make(
      {
        _tag: "Start",
        module,
        options: program.options,
        shared: program.shared !== undefined,
        singleClient: pool === undefined,
        // This process applies these limits.
        limits: { ...limits, maxConnections: Number.MAX_SAFE_INTEGER, maxConnectionsPerPeer: undefined }
      },
      pool,
      sharedState
    )

    const listen = (listenOptions: Network.ListenOptions) =>
      Effect.map(host.listen(listenOptions), ({ accept, address }) => ({
        address,
        accept: Effect.map(accept, NodeHandedConnectionAdapter.make)
      }))
    const server = yield* TcpServer.make(
      {
        ...options,
        ...noTimeouts,
        service: limits.service,
        maxConnections: options.maxConnections ?? (pool === undefined ? defaultMaxProcesses : undefined)
      },
      ({ context }, { id }) =>
        processes.serve(Context.getUnsafe(context, NodeHandedConnectionAdapter.HandedConnection), id)
    ).pipe(Effect.provideService(Network.Network, { ...host, listen }))
    // Keeps the metrics current between two reads of the stats.
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep("1 second"), processes.refreshStats)))

    const timeouts = Stream.filter(processes.events, ({ _tag }) => _tag === "TimedOut")
    const stats = Effect.map(Effect.andThen(processes.refreshStats, server.stats), (stats) => ({
      ...stats,
      timedOut: stats.timedOut + processes.timedOut()
    }))
    const result: SessionServer = {
      ...ServerEvents.observable(Stream.merge(server.events, timeouts), stats),
      address: server.address,
      drain: Effect.andThen(server.drain, processes.kill)
    }
    return result
  })
})
