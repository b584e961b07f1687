/** The server of sessions in a worker that gets its connections from the server, process or thread. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Network from "../../../network/Network.ts"
import * as NodeServerInWorker from "../NodeServerInWorker.ts"
import * as WorkerMessage from "../WorkerMessage.ts"
import * as HandedNetwork from "./HandedNetwork.ts"

/** Sends a message; `sent` runs when it has been sent. */
export type Post = (message: WorkerMessage.FromWorker, sent?: () => void) => void

/** Returns the context of a connection with its number at the server. */
export const contextOf = (id: number) => Context.make(Network.ConnectionNumber, id)

/**
 * Loads the session that `start` names and serves it on the connections that are added, whose context has their number.
 *
 * `exit` runs when the only client of a worker for one client has gone.
 */
export const make = Effect.fnUntraced(function* <C extends HandedNetwork.HandedConnection>(
  start: WorkerMessage.Start,
  post: Post,
  exit: () => void
) {
  const handed = yield* Queue.unbounded<C>()
  const disconnected = (traffic: WorkerMessage.ClientTraffic): Effect.Effect<void> =>
    Effect.map(worker.server.stats, (stats) =>
      post({ _tag: "Disconnected", traffic, stats }, start.singleClient ? exit : undefined)
    )
  const idOf = ({ context }: C) => Context.get(context, Network.ConnectionNumber)!
  const network = HandedNetwork.make(handed, (connection: C) =>
    disconnected(WorkerMessage.trafficOf([idOf(connection), connection]))
  )
  const worker = yield* Effect.provideService(NodeServerInWorker.make(start, post), Network.Network, network)
  return {
    receive: worker.receive,
    add: (connection: C) => {
      worker.connections.set(idOf(connection), connection)
      Queue.offerUnsafe(handed, connection)
    },
    /** Reports that a client had gone before it was added. */
    reportGone: (id: number) => void Effect.runFork(disconnected([id, 0, 0]))
  }
})
