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
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Network from "../network/Network.ts"
import * as NodeInheritedSockets from "../network/node/NodeInheritedSockets.ts"
import * as NodeNetwork from "../network/node/NodeNetwork.ts"
import type { WorkerModel } from "./ConcurrencyModel.ts"
import { SessionError } from "./Session.ts"
import * as NodeAcceptingServer from "./workers/NodeAcceptingServer.ts"
import * as NodeHandedConnectionAdapter from "./workers/NodeHandedConnectionAdapter.ts"
import * as NodeProcessPool from "./workers/NodeProcessPool.ts"
import * as NodeWorkerGroup from "./workers/NodeWorkerGroup.ts"

/** Distribution of clients over processes. @category models @since 0.1.0 */
export interface ProcessOptions {
  /** Number of processes, each with many clients, 1 or more. Default: one process for each client. */
  readonly pool?: number | undefined
  /**
   * Time without an answer after which a process is killed, with its clients, and replaced. A process that has not
   * answered for two thirds of it gets no new clients. Longer than a session computes. Default 30 seconds; `Infinity`
   * kills none.
   */
  readonly workerTimeout?: Duration.Input | undefined
}

/** No timeouts in this process: the workers detect idle clients and blocked writes. */
const noTimeouts = { idleTimeout: "Infinity", writeTimeout: "Infinity" } as const

/** No limits by address in this process: the workers read the client's address from the PROXY header. */
const noAddresses = { allow: undefined, deny: undefined, proxyProtocol: false }

/** Adapter of the host's network, whose accepted connections can be handed over to a process. */
const handingNetwork = Effect.map(Effect.provide(Network.Network, NodeNetwork.layer), (host) =>
  Network.Network.of({
    ...host,
    listen: (options) =>
      Effect.map(host.listen(options), ({ accept, address }) => ({
        address,
        accept: Effect.map(accept, NodeHandedConnectionAdapter.make)
      }))
  })
)

/** Fails if the only client is the standard input and output of this process: a worker process gets one descriptor. */
const checkInherited = Effect.gen(function* () {
  const { unclaimed } = yield* NodeInheritedSockets.InheritedSockets
  if (![...unclaimed].some((socket) => socket._tag === "Connected" && !socket.isBidirectional)) return
  const message =
    "worker processes cannot serve a pipe or a terminal: a client is a socket, which its process gets; use another model"
  return yield* new SessionError({ message })
})

/**
 * Returns the model that serves clients in worker processes, which create the session themselves.
 *
 * The default of `maxConnections` is 100 with a process for each client, and that of `TcpServer` with a pool. The
 * output of the workers goes to stderr. `serve` fails with `SessionError` if the workers cannot load the module, or if
 * the options do not match its schema.
 *
 * A process that hangs loses its own clients only: a client is handed over to one that responds, and waits in this
 * process otherwise. A process for a client that cannot start closes its client.
 *
 * @category models
 * @since 0.1.0
 */
export const model = ({ pool, workerTimeout }: ProcessOptions = {}): WorkerModel => ({
  name: "processes",
  serve: Effect.fnUntraced(function* (program, options) {
    if (pool !== undefined && !(Number.isInteger(pool) && pool > 0)) {
      const message = `invalid pool size ${pool}: must be at least 1; omit it for a process for each client`
      return yield* new SessionError({ message })
    }
    const { connectionsPerSecondPerPeer, maxConnectionsPerPeer, proxyProtocol = false } = options
    if (proxyProtocol && (connectionsPerSecondPerPeer ?? maxConnectionsPerPeer) !== undefined) {
      const message =
        "limits for each address cannot be combined with the PROXY protocol: the processes read its header, and each knows only its own clients; use another model"
      return yield* new SessionError({ message })
    }
    yield* checkInherited
    const workerTimeoutMillis = yield* NodeWorkerGroup.checkTimeout(workerTimeout)
    const server = NodeAcceptingServer.make(program, options, {
      noun: "worker process",
      poolSize: pool,
      workerTimeoutMillis,
      spawn: NodeProcessPool.spawn,
      serve: (processes, { context }, id) => {
        const handed = Context.getUnsafe(context, NodeHandedConnectionAdapter.HandedConnection)
        return processes.serve(id, NodeProcessPool.client(id, handed))
      },
      // A header that was read here could not be handed over with the descriptor.
      limitsHere: (limits) => ({ ...limits, ...noTimeouts, ...(proxyProtocol ? noAddresses : {}) }),
      limitsOfWorkers: ({ allow, busyMessage, deny, drain, idleTimeout, rate, seed, service, writeTimeout }) => ({
        ...{ busyMessage, drain, idleTimeout, rate, seed, service, writeTimeout },
        ...(proxyProtocol ? { allow, deny, proxyProtocol } : {}),
        maxConnections: Number.MAX_SAFE_INTEGER
      })
    })
    return yield* Effect.provideServiceEffect(server, Network.Network, handingNetwork)
  })
})
