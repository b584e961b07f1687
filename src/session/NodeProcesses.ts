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
import type { LoadableModel, SessionServer } from "./ConcurrencyModel.ts"
import { SessionError } from "./Session.ts"
import * as NodeDefinitionLoader from "./workers/NodeDefinitionLoader.ts"
import * as NodeProcessPool from "./workers/NodeProcessPool.ts"
import * as SharedStateServer from "./workers/SharedStateServer.ts"
import * as Message from "./workers/WorkerMessage.ts"

/** How clients are spread over processes. @category models @since 0.1.0 */
export interface ProcessOptions {
  /** So many processes, each with many clients. Default: a process for every client. */
  readonly pool?: number | undefined
}

/** A process takes some 50 MB of its own: unless said, so many clients may have one each. */
const processes = 100

/** The children look at silence and slow readers. */
const never = { idleTimeout: "Infinity", writeTimeout: "Infinity" } as const

const silence: Message.Moved = [0, 0, 0]

/** A client that is here until it is handed over, and is spoken for by its child from then on. */
const represent = (own: NodeConnection): readonly [Network.Connection, NodeProcessPool.Seat] => {
  const { local, remote } = own
  const seat: NodeProcessPool.Seat = {
    own,
    local: Message.placeOf(local),
    remote: Message.placeOf(remote),
    id: 0,
    child: undefined,
    taken: false,
    moved: silence,
    done: () => {}
  }
  const tell = (_tag: "EndRead" | "Abort", here: Effect.Effect<void>) =>
    Effect.suspend(() =>
      seat.child === undefined ? here : Effect.sync(() => seat.child!.counter.post({ _tag, id: seat.id }))
    )
  const connection: Network.Connection = {
    local,
    remote,
    pull: own.pull,
    write: (bytes) => own.write(bytes),
    end: own.end,
    endRead: tell("EndRead", own.endRead),
    abort: tell("Abort", own.abort),
    traffic: () => {
      if (seat.child === undefined) return own.traffic()
      const [, received, sent] = seat.moved
      return { received, sent, unsent: 0 }
    }
  }
  return [connection, seat]
}

/**
 * Serves clients in child processes, which make the session themselves. Unless the options say otherwise, at most 100
 * clients have a process each; with a pool the default of `TcpServer` holds. What the children print goes to stderr.
 * Fails with `SessionError` if they cannot load the module, or the options do not fit it.
 *
 * @category models
 * @since 0.1.0
 */
export const model = ({ pool }: ProcessOptions = {}): LoadableModel => ({
  name: "processes",
  serve: Effect.fnUntraced(function* (program, options) {
    if (pool !== undefined && !(Number.isInteger(pool) && pool > 0)) {
      const message = `a pool of ${pool} processes: give 1 or more, or none for a process for every client`
      return yield* new SessionError({ message })
    }
    const { definition, module } = program
    yield* NodeDefinitionLoader.decode(module, definition, program.options)
    const host = yield* Effect.provide(Network.Network, NodeNetwork.layer)
    const limits = Message.limitsOf(options, definition.name)
    const desk = yield* SharedStateServer.make(program)
    const crew = yield* NodeProcessPool.make(
      {
        _tag: "Start",
        module,
        options: program.options,
        shared: program.shared !== undefined,
        once: pool === undefined,
        // The door counts them.
        limits: { ...limits, maxConnections: Number.MAX_SAFE_INTEGER, maxConnectionsPerPeer: undefined }
      },
      pool,
      desk
    )

    const seats = new WeakMap<Network.Connection, NodeProcessPool.Seat>()
    const listen = (where: Network.ListenOptions) =>
      Effect.map(host.listen(where), ({ accept, address }) => ({
        address,
        accept: Effect.map(accept, (own) => {
          const [connection, seat] = represent(own as NodeConnection)
          seats.set(connection, seat)
          return connection
        })
      }))
    const server = yield* TcpServer.make(
      {
        ...options,
        ...never,
        service: limits.service,
        maxConnections: options.maxConnections ?? (pool === undefined ? processes : undefined)
      },
      (connection, { id }) => crew.serve(Object.assign(seats.get(connection)!, { id }))
    ).pipe(Effect.provideService(Network.Network, { ...host, listen }))
    // What metrics tell between two questions for the stats.
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep("1 second"), crew.count)))

    const result: SessionServer = {
      address: server.address,
      stats: Effect.map(Effect.andThen(crew.count, server.stats), (stats) => ({
        ...stats,
        timedOut: stats.timedOut + crew.timedOut()
      })),
      drain: Effect.andThen(server.drain, crew.kill)
    }
    return result
  })
})
