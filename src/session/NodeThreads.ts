/**
 * Clients served by worker threads that listen on the same port, so that the kernel spreads the connections and none is
 * handed over. A crash takes only the clients of one thread along, unless it ends the process.
 *
 * The threads know the host's network and no other: a simulated one, faults or a capture around it are not followed.
 */
import * as Os from "node:os"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Network from "../network/Network.ts"
import * as NodeNetwork from "../network/node/NodeNetwork.ts"
import * as ServerMetrics from "../network/ServerMetrics.ts"
import type { WorkerModel, SessionServer } from "./ConcurrencyModel.ts"
import { SessionError } from "./Session.ts"
import * as NodeDefinitionLoader from "./workers/NodeDefinitionLoader.ts"
import * as NodeThreadPool from "./workers/NodeThreadPool.ts"
import * as SharedStateServer from "./workers/SharedStateServer.ts"
import * as WorkerMessage from "./workers/WorkerMessage.ts"

/** How many threads serve. @category models @since 0.1.0 */
export interface ThreadOptions {
  /** Default: one for each core. */
  readonly threads?: number | undefined
}

/** The part of one of `count` threads in a limit for all. */
const shareOf = (limit: number, count: number, index: number) =>
  Math.floor(limit / count) + (index < limit % count ? 1 : 0)

/**
 * Where the threads will listen. Those that share a port would also share it with a stranger who says so: hence a look
 * before, which is not for sharing. A port of the system's choice is held until the threads have it.
 */
const choosePort = Effect.fnUntraced(function* (network: Network.Network["Service"], listen: Network.TcpListenOptions) {
  const { address } = yield* Effect.scoped(network.listen({ ...listen, reusePort: false }))
  const sharedListen = network.listen({ ...listen, reusePort: true })
  const held = yield* Effect.mapError(listen.port === 0 ? sharedListen : Effect.scoped(sharedListen), () => {
    const message = "threads share a port (SO_REUSEPORT), which this platform does not let them: take processes"
    return new SessionError({ message })
  })
  return listen.port === 0 ? held.address : address
})

/**
 * Serves clients in worker threads, which make the session themselves. Each has its part of `maxConnections`, and there
 * are no more threads than that; each lets in its part of `maxConnectionsPerPeer`, rounded up. As the kernel decides
 * who goes where, one thread may be full before the others. What the threads print goes to stderr. Fails with
 * `SessionError` if they cannot load the module, if the options do not fit it, or if they cannot share a port.
 *
 * @category models
 * @since 0.1.0
 */
export const model = ({ threads = Os.availableParallelism() }: ThreadOptions = {}): WorkerModel => ({
  name: "threads",
  serve: Effect.fnUntraced(function* (program, options) {
    if (!(Number.isInteger(threads) && threads > 0)) {
      return yield* new SessionError({ message: `${threads} threads: give 1 or more` })
    }
    if ("path" in options) {
      const message = `${options.path}: threads share a TCP port, not a path of the file system: give a port`
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
    const pool = yield* NodeThreadPool.make(sharedState, options.drain ?? "5 seconds")
    const address = yield* Effect.scoped(
      Effect.gen(function* () {
        const chosen = yield* choosePort(network, options)
        const port = NetAddress.isInetAddress(chosen) ? chosen.port : options.port
        const starts = Array.from({ length: count }, (_, index) => startOf(index, port))
        yield* Effect.forEach(starts, pool.start, { concurrency: "unbounded", discard: true })
        return chosen
      })
    )
    pool.restartOnExit()

    const metrics = ServerMetrics.make(limits.service!, yield* Effect.context<never>())
    const stats = Effect.map(pool.refreshStats, () => {
      Object.assign(metrics.stats, pool.stats())
      metrics.publish()
      return { ...metrics.stats }
    })
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep("1 second"), stats)))
    const server: SessionServer = { address, stats, drain: pool.drain }
    return server
  })
})
