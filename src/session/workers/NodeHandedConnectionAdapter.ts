/**
 * Adapter that poses as the `Connection` of a server although a worker process serves it.
 *
 * It acts on the accepted connection until a worker has it, and sends messages to the worker from then on, so that the
 * server counts, limits and drains it like any other.
 */
import type * as Net from "node:net"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Network from "../../network/Network.ts"
import { NodeSocket } from "../../network/node/NodeConnection.ts"
import * as WorkerMessage from "./WorkerMessage.ts"

/** An accepted connection for a worker process. The adapter has it in its context. */
export class HandedConnection extends Context.Service<
  HandedConnection,
  {
    readonly socket: Net.Socket
    readonly local: WorkerMessage.EncodedAddress
    readonly remote: WorkerMessage.EncodedAddress
    /** Sends a message about the client to its worker. Undefined while no worker has the connection. */
    post: ((tag: "EndRead" | "Abort") => void) | undefined
    /** The last traffic that the worker has reported. */
    traffic: WorkerMessage.ClientTraffic
  }
>()("effect-inet/session/HandedConnection") {}

/** Returns the adapter of a connection that the host's network has accepted. */
export const make = (accepted: Network.Connection): Network.Connection => {
  const { local, remote } = accepted
  const handed = HandedConnection.of({
    socket: Context.getUnsafe(accepted.context, NodeSocket),
    local: WorkerMessage.encodeAddress(local),
    remote: WorkerMessage.encodeAddress(remote),
    post: undefined,
    traffic: [0, 0, 0]
  })
  const viaWorker = (tag: "EndRead" | "Abort", here: Effect.Effect<void>) =>
    Effect.suspend(() => (handed.post === undefined ? here : Effect.sync(() => handed.post?.(tag))))
  return {
    local,
    remote,
    pull: accepted.pull,
    write: (bytes) => accepted.write(bytes),
    end: accepted.end,
    endRead: viaWorker("EndRead", accepted.endRead),
    abort: viaWorker("Abort", accepted.abort),
    traffic: () => {
      if (handed.post === undefined) return accepted.traffic()
      const [, received, sent] = handed.traffic
      return { received, sent, unsent: 0 }
    },
    context: Context.add(accepted.context, HandedConnection, handed)
  }
}
