/**
 * Concurrency model "threads": worker threads serve the clients, a fixed number of threads or one for each client.
 *
 * A fixed number of threads listens on the same port, and the kernel distributes the connections, so that none is
 * handed over. They use the host's network: a simulated network, faults and captures of this process do not apply to
 * them.
 *
 * A thread for each client is the threaded server of the course. Node hands no socket to a thread: this process keeps
 * it, and the bytes travel over a `MessagePort`. The network is that of the caller, faults and captures apply, and the
 * limits are exact.
 *
 * A crash disconnects only the clients of one thread, unless it ends the process.
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
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Network from "../network/Network.ts"
import * as NodeInheritedSockets from "../network/node/NodeInheritedSockets.ts"
import * as NodeNetwork from "../network/node/NodeNetwork.ts"
import * as ServerEvents from "../network/ServerEvents.ts"
import * as ServerMetrics from "../network/ServerMetrics.ts"
import type { LoadableProgram, Options, SessionServer, WorkerModel } from "./ConcurrencyModel.ts"
import { SessionError } from "./Session.ts"
import * as NodeAcceptingServer from "./workers/NodeAcceptingServer.ts"
import * as NodeClientThreads from "./workers/NodeClientThreads.ts"
import * as NodeDefinitionLoader from "./workers/NodeDefinitionLoader.ts"
import * as NodeThreadPool from "./workers/NodeThreadPool.ts"
import * as NodeWorkerGroup from "./workers/NodeWorkerGroup.ts"
import * as SharedStateServer from "./workers/SharedStateServer.ts"
import * as WorkerMessage from "./workers/WorkerMessage.ts"

/** Options of the model. @category models @since 0.1.0 */
export interface ThreadOptions {
  /** Number of threads that listen, 1 or more. Default: one for each core. */
  readonly threads?: number | undefined
  /** Serves each client in a thread of its own, without `threads`. Default false. */
  readonly perClient?: boolean | undefined
  /**
   * Time without an answer after which a thread is terminated, with its clients, and replaced. Longer than a session
   * computes. Default 30 seconds; `Infinity` terminates none.
   */
  readonly workerTimeout?: Duration.Input | undefined
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

/** Returns whether the network would listen on this socket instead of binding the port. */
const isInherited = (socket: NodeInheritedSockets.InheritedSocket, port: number, isExact: boolean) =>
  socket._tag === "Connected" ||
  (socket._tag === "Listening" && (!isExact || ("port" in socket.address && socket.address.port === port)))

/** Returns the limits of each thread: it has a share of those that count clients, rounded up if they are rates. */
const limitsOfThreads = (limits: WorkerMessage.Limits, max: number, count: number) => {
  const share = (limit: number | undefined) => limit && Math.ceil(limit / count)
  const { connectionsPerSecond, connectionsPerSecondPerPeer, maxConnectionsPerPeer } = limits
  return (index: number): WorkerMessage.Limits => ({
    ...limits,
    maxConnections: Math.max(1, shareOf(limits.maxConnections ?? max, count, index)),
    maxConnectionsPerPeer: share(maxConnectionsPerPeer),
    connectionsPerSecond: share(connectionsPerSecond),
    connectionsPerSecondPerPeer: share(connectionsPerSecondPerPeer)
  })
}

/** Serves in threads that listen. */
const serveListening = Effect.fnUntraced(function* <S, Ask, Message>(
  program: LoadableProgram<S, Ask, Message>,
  options: Options,
  threads: number,
  workerTimeoutMillis: number
) {
  if ("path" in options) {
    const message = `cannot listen on ${options.path}: threads share a TCP port, not a path; give a port`
    return yield* new SessionError({ message })
  }
  const inherited = yield* NodeInheritedSockets.InheritedSockets
  if ([...inherited.unclaimed].some((socket) => isInherited(socket, options.port, inherited.exactAddresses))) {
    const message =
      "threads that share a port cannot listen on an inherited socket; use a thread for each client, or processes"
    return yield* new SessionError({ message })
  }
  const { definition, module } = program
  yield* NodeDefinitionLoader.decode(module, definition, program.options)
  const network = yield* Effect.provide(Network.Network, NodeNetwork.layer)
  const max = options.maxConnections ?? Math.max(1, Math.min(1_024, network.availableSockets()))
  const count = Math.max(1, Math.min(threads, max))
  const { backlog, host, keepAlive } = options
  const limits = WorkerMessage.limitsOf(options, definition.name)
  const limitsOf = limitsOfThreads(limits, max, count)
  const startOf = (index: number, port: number): WorkerMessage.Start => ({
    _tag: "Start",
    module,
    options: program.options,
    shared: program.shared !== undefined,
    limits: limitsOf(index),
    listen: { host, backlog, port, keepAlive: keepAlive && Duration.toMillis(keepAlive), reusePort: true }
  })
  const sharedState = yield* SharedStateServer.make(program)
  const pool = yield* NodeThreadPool.make(module, sharedState, options.drain ?? "5 seconds", workerTimeoutMillis)
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
  const server: SessionServer = {
    ...ServerEvents.observable(pool.events.events, stats),
    address,
    reconfigure: (given) =>
      Effect.sync(() => {
        const { rate, seed, service } = limits
        const next = WorkerMessage.limitsOf({ ...given, rate, seed }, service!)
        pool.reconfigure(limitsOfThreads(next, max, count))
      }),
    drain: pool.drain
  }
  return server
})

/**
 * Returns the model that serves clients in worker threads, which create the session themselves.
 *
 * Each thread that listens has a share of `maxConnections`, which also limits the number of threads, and a share of
 * `maxConnectionsPerPeer` and of the rates, rounded up. The kernel distributes the clients, so that one thread may be
 * full before the others, and a thread that hangs gets its share of new clients until it is terminated: they are reset.
 *
 * With `perClient` the default of `maxConnections` is 100. A thread that hangs loses its own client only, and one that
 * cannot start closes its client.
 *
 * The output of the threads goes to stderr. `serve` fails with `SessionError` if the threads cannot load the module, if
 * the options do not match its schema, or if the threads cannot share a port.
 *
 * @category models
 * @since 0.1.0
 */
export const model = ({ perClient = false, threads, workerTimeout }: ThreadOptions = {}): WorkerModel => ({
  name: "threads",
  serve: Effect.fnUntraced(function* (program, options) {
    const count = threads ?? Os.availableParallelism()
    if (!(Number.isInteger(count) && count > 0)) {
      return yield* new SessionError({ message: `invalid thread count ${threads}: must be at least 1` })
    }
    if (perClient && threads !== undefined) {
      const message = `invalid thread count ${threads}: each client has a thread of its own; omit it, or perClient`
      return yield* new SessionError({ message })
    }
    const workerTimeoutMillis = yield* NodeWorkerGroup.checkTimeout(workerTimeout)
    if (!perClient) return yield* serveListening(program, options, count, workerTimeoutMillis)
    return yield* NodeAcceptingServer.make(program, options, {
      noun: "worker thread",
      poolSize: undefined,
      workerTimeoutMillis,
      spawn: NodeClientThreads.spawn,
      serve: NodeClientThreads.serve,
      // The socket is here: only this process knows what of it was sent.
      limitsHere: (limits) => ({ ...limits, idleTimeout: "Infinity" }),
      limitsOfWorkers: ({ busyMessage, drain, idleTimeout, rate, seed, service }) => ({
        ...{ busyMessage, drain, idleTimeout, rate, seed, service },
        writeTimeout: "Infinity",
        maxConnections: Number.MAX_SAFE_INTEGER
      })
    })
  })
})
