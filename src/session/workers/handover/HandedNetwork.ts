/** Adapter that poses as a `Network` in a worker, whose listener accepts the connections that the server hands over. */
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Queue from "effect/Queue"
import * as Network from "../../../network/Network.ts"

/** A connection that its acceptor closes. */
export interface HandedConnection extends Network.Connection {
  readonly close: Effect.Effect<void>
}

const unsupported = () =>
  Effect.die(
    new Error("cannot connect or open UDP sockets: a worker has only the connections that its server hands over")
  )

/** Returns the adapter. `closed` runs after a connection of the queue has closed. */
export const make = <C extends HandedConnection>(
  handed: Queue.Queue<C>,
  closed: (connection: C) => Effect.Effect<void>
): Network.Network["Service"] => {
  const accept = Effect.acquireRelease(
    Queue.take(handed),
    (connection) => Effect.andThen(connection.close, closed(connection)),
    { interruptible: true }
  )
  return Network.Network.of({
    listen: () => Effect.succeed({ address: NetAddress.unixPathAddress(""), accept }),
    connect: unsupported,
    udp: unsupported,
    interfaces: Effect.succeed([]),
    availableSockets: () => Number.POSITIVE_INFINITY
  })
}
