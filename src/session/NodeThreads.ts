/**
 * Concurrency model "threads": worker threads serve the clients, and all listen on the same port.
 *
 * The kernel distributes the connections, so that none is handed over. A crash disconnects only the clients of one
 * thread, unless it ends the process. The threads use the host's network: a simulated network, faults and captures of
 * this process do not apply to them.
 *
 * **Example** (Serving from two threads)
 *
 * The threads import the module that exports `definition`, here `counter.ts`; see `NodeProcesses` for such a module.
 *
 * ```ts no-run
 * import * as Effect from "effect/Effect"
 * import { NodeNetwork } from "effect-inet/network"
 * import { type ConcurrencyModel, NodeThreads } from "effect-inet/session"
 *
 * declare const program: ConcurrencyModel.LoadableProgram<number>
 *
 * const serve = Effect.andThen(NodeThreads.model({ threads: 2 }).serve(program, { port: 1066 }), Effect.never)
 *
 * await Effect.runPromise(serve.pipe(Effect.scoped, Effect.provide(NodeNetwork.layer)))
 * ```
 */
import * as Os from "node:os"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Network from "../network/Network.ts"
import * as NodeNetwork from "../network/node/NodeNetwork.ts"
import * as ServerEvents from "../network/ServerEvents.ts"
import * as ServerMetrics from "../network/ServerMetrics.ts"
import type { SessionServer, WorkerModel } from "./ConcurrencyModel.ts"
import { SessionError } from "./Session.ts"
import * as NodeDefinitionLoader from "./workers/NodeDefinitionLoader.ts"
import * as NodeThreadPool from "./workers/NodeThreadPool.ts"
import * as SharedStateServer from "./workers/SharedStateServer.ts"
import * as WorkerMessage from "./workers/WorkerMessage.ts"

/** Options of the model. @category models @since 0.1.0 */
export interface ThreadOptions {
  /** Number of threads, 1 or more. Default: one for each core. */
  readonly threads?: number | undefined
}

/** Returns the share of thread `index` of `count` in a limit for all. */
const shareOf = (limit: number, count: number, index: number) =>
  Math.floor(limit / count) + (index < limit % count ? 1 : 0)

/**
 * Chooses the address on which the threads listen.
 *
 * Sockets with SO_REUSEPORT also share the port with other programs that set it. Therefore the port is first bound
 * without it, which fails if it is in use. A port that the system chooses stays bound until the threads listen.
 */
const choosePort = Effect.fnUntraced(function* (network: Network.Network["Service"], listen: Network.TcpListenOptions) {
  const { address } = yield* Effect.scoped(network.listen({ ...listen, reusePort: false }))
  const sharedListen = network.listen({ ...listen, reusePort: true })
  const held = yield* Effect.mapError(listen.port === 0 ? sharedListen : Effect.scoped(sharedListen), () => {
    const message = "threads cannot share a port: no SO_REUSEPORT on this platform; use processes instead"
    return new SessionError({ message })
  })
  return listen.port === 0 ? held.address : address
})

/**
 * Returns the model that serves clients in worker threads, which create the session themselves.
 *
 * Each thread has a share of `maxConnections`, which also limits the number of threads, and a share of
 * `maxConnectionsPerPeer`, rounded up. The kernel distributes the clients, so that one thread may be full before the
 * others. The output of the threads goes to stderr. `serve` fails with `SessionError` if the threads cannot load the
 * module, if the options do not match its schema, or if the threads cannot share a port.
 *
 * @category models
 * @since 0.1.0
 */
export const model = ({ threads = Os.availableParallelism() }: ThreadOptions = {}): WorkerModel => ({
  name: "threads",
  serve: Effect.fnUntraced(function* (program, options) {
    if (!(Number.isInteger(threads) && threads > 0)) {
      return yield* new SessionError({ message: `invalid thread count ${threads}: must be at least 1` })
    }
    if ("path" in options) {
      const message = `cannot listen on ${options.path}: threads share a TCP port, not a path; give a port`
      return yield* new SessionError({ message })
    }
    const { definition, module } = program
    yield* NodeDefinitionLoader.decode(module, definition, program.options)
    const network = yield* Effect.provide(Network.Network, NodeNetwork.layer)
    const max = options.maxConnections ?? Math.max(1, Math.min(1_024, network.availableSockets()))
    const count = Math.max(1, Math.min(threads, max))
    const { backlog, host, maxConnectionsPerPeer: perPeer } = options
    const limits = WorkerMessage.limitsOf(options, definition.name)
    const startOf = (index: number, port: number): WorkerMessage.Start => ({
      _tag: "Start",
      module,
      options: program.options,
      shared: program.shared !== undefined,
      limits: {
        ...limits,
        maxConnections: shareOf(max, count, index),
        maxConnectionsPerPeer: perPeer === undefined ? undefined : Math.ceil(perPeer / count)
      },
      listen: { host, backlog, port, reusePort: true }
    })
    const sharedState = yield* SharedStateServer.make(program)
    const pool = yield* NodeThreadPool.make(module, sharedState, options.drain ?? "5 seconds")
    const address = yield* Effect.scoped(
      Effect.gen(function* () {
        const chosen = yield* choosePort(network, options)
        const port = NetAddress.isInetAddress(chosen) ? chosen.port : options.port
        const starts = Array.from({ length: count }, (_, index) => startOf(index, port))
        yield* pool.start(starts)
        return chosen
      })
    )

    const metrics = ServerMetrics.make(limits.service!, yield* Effect.context<never>())
    const stats = Effect.map(pool.refreshStats, () => {
      Object.assign(metrics.stats, pool.stats())
      metrics.publish()
      return { ...metrics.stats }
    })
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep("1 second"), stats)))
    const server: SessionServer = { ...ServerEvents.observable(pool.events, stats), address, drain: pool.drain }
    return server
  })
})
