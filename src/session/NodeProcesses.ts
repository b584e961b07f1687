/**
 * Clients served by child processes: one for each, as the course forks after accept, or a pool started before. A crash
 * takes only the clients of one child along; a client that computes keeps nobody waiting but those of its child.
 *
 * The children know the host's network and no other: a simulated one, faults or a capture around it are not followed.
 * They end with the scope, and as soon as this process has died in any other way.
 */
import * as Effect from "effect/Effect"
import * as Network from "../network/Network.ts"
import type { NodeConnection } from "../network/node/NodeConnection.ts"
import * as NodeNetwork from "../network/node/NodeNetwork.ts"
import * as TcpServer from "../network/TcpServer.ts"
import type { WorkerModel, SessionServer } from "./ConcurrencyModel.ts"
import { SessionError } from "./Session.ts"
import * as NodeDefinitionLoader from "./workers/NodeDefinitionLoader.ts"
import * as NodeProcessPool from "./workers/NodeProcessPool.ts"
import * as SharedStateServer from "./workers/SharedStateServer.ts"
import * as WorkerMessage from "./workers/WorkerMessage.ts"

/** How clients are spread over processes. @category models @since 0.1.0 */
export interface ProcessOptions {
  /** So many processes, each with many clients. Default: a process for every client. */
  readonly pool?: number | undefined
}

/** A process takes some 50 MB of its own: unless said, so many clients may have one each. */
const defaultMaxProcesses = 100

/** The children look at silence and slow readers. */
const noTimeouts = { idleTimeout: "Infinity", writeTimeout: "Infinity" } as const

const noTraffic: WorkerMessage.ClientTraffic = [0, 0, 0]

/** A client that is here until it is handed over, and is spoken for by its child from then on. */
const handOver = (accepted: NodeConnection): readonly [Network.Connection, NodeProcessPool.HandedConnection] => {
  const { local, remote } = accepted
  const handed: NodeProcessPool.HandedConnection = {
    connection: accepted,
    local: WorkerMessage.encodeAddress(local),
    remote: WorkerMessage.encodeAddress(remote),
    id: 0,
    worker: undefined,
    accepted: false,
    traffic: noTraffic,
    release: () => {}
  }
  const viaWorker = (_tag: "EndRead" | "Abort", here: Effect.Effect<void>) =>
    Effect.suspend(() =>
      handed.worker === undefined ? here : Effect.sync(() => handed.worker!.channel.post({ _tag, id: handed.id }))
    )
  const connection: Network.Connection = {
    local,
    remote,
    pull: accepted.pull,
    write: (bytes) => accepted.write(bytes),
    end: accepted.end,
    endRead: viaWorker("EndRead", accepted.endRead),
    abort: viaWorker("Abort", accepted.abort),
    traffic: () => {
      if (handed.worker === undefined) return accepted.traffic()
      const [, received, sent] = handed.traffic
      return { received, sent, unsent: 0 }
    }
  }
  return [connection, handed]
}

/**
 * Serves clients in child processes, which make the session themselves. Unless the options say otherwise, at most 100
 * clients have a process each; with a pool the default of `TcpServer` holds. What the children print goes to stderr.
 * Fails with `SessionError` if they cannot load the module, or the options do not fit it.
 *
 * @category models
 * @since 0.1.0
 */
export const model = ({ pool }: ProcessOptions = {}): WorkerModel => ({
  name: "processes",
  serve: Effect.fnUntraced(function* (program, options) {
    if (pool !== undefined && !(Number.isInteger(pool) && pool > 0)) {
      const message = `a pool of ${pool} processes: give 1 or more, or none for a process for every client`
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
        // The door counts them.
        limits: { ...limits, maxConnections: Number.MAX_SAFE_INTEGER, maxConnectionsPerPeer: undefined }
      },
      pool,
      sharedState
    )

    const handedConnections = new WeakMap<Network.Connection, NodeProcessPool.HandedConnection>()
    const listen = (listenOptions: Network.ListenOptions) =>
      Effect.map(host.listen(listenOptions), ({ accept, address }) => ({
        address,
        accept: Effect.map(accept, (accepted) => {
          const [connection, handed] = handOver(accepted as NodeConnection)
          handedConnections.set(connection, handed)
          return connection
        })
      }))
    const server = yield* TcpServer.make(
      {
        ...options,
        ...noTimeouts,
        service: limits.service,
        maxConnections: options.maxConnections ?? (pool === undefined ? defaultMaxProcesses : undefined)
      },
      (connection, { id }) => processes.serve(Object.assign(handedConnections.get(connection)!, { id }))
    ).pipe(Effect.provideService(Network.Network, { ...host, listen }))
    // What metrics tell between two questions for the stats.
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep("1 second"), processes.refreshStats)))

    const result: SessionServer = {
      address: server.address,
      stats: Effect.map(Effect.andThen(processes.refreshStats, server.stats), (stats) => ({
        ...stats,
        timedOut: stats.timedOut + processes.timedOut()
      })),
      drain: Effect.andThen(server.drain, processes.kill)
    }
    return result
  })
})
