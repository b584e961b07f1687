/** Stream connections to which a fault plan applies, in both directions. */

import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as Endpoint from "../../network/Endpoint.ts"
import type { Connection, Listener, NetworkError } from "../../network/Network.ts"
import type { Packet } from "../../network/Packet.ts"
import type { FaultInjector } from "./DelayQueue.ts"
import * as ImpairedConnection from "./ImpairedConnection.ts"
import type { ImpairedDirection } from "./ImpairedDirection.ts"
import * as LocalConnections from "./LocalConnections.ts"

const noBytes = new Uint8Array(0)

/** Wraps listeners and connections; Unix domain sockets are not impaired. */
export const make = (injector: FaultInjector, fork: Scope.Scope) => {
  const localConnections = LocalConnections.make()
  /** Directions by their addresses. If both ends are local, the direction of the sender is kept. */
  const directions = new Map<string, ImpairedDirection>()
  const connections = new Set<ImpairedConnection.ImpairedConnection>()

  const trackDirection = (key: string, direction: ImpairedDirection) => {
    directions.set(key, direction)
    return Effect.addFinalizer(() =>
      Effect.sync(() => {
        if (directions.get(key) === direction) directions.delete(key)
      })
    )
  }
  const wrapConnection = Effect.fnUntraced(function* (inner: Connection, accepted: boolean) {
    const { local, remote } = inner
    if (!NetAddress.isInetAddress(local) || !NetAddress.isInetAddress(remote)) return inner
    const near = Endpoint.fromInet(local)
    const far = Endpoint.fromInet(remote)
    const [localEnd, leave] = localConnections.register(near, far)
    const connection = ImpairedConnection.make({ inner, near, far, localEnd, injector, fork })
    const inboundKey = LocalConnections.directionKey(far, near)
    yield* trackDirection(LocalConnections.directionKey(near, far), connection.outbound)
    if (!directions.has(inboundKey)) yield* trackDirection(inboundKey, connection.inbound)
    connections.add(connection)
    yield* Effect.addFinalizer(() =>
      Effect.andThen(
        Effect.sync(leave),
        Effect.ensuring(
          connection.close,
          Effect.sync(() => connections.delete(connection))
        )
      )
    )
    if (!accepted || !(localEnd.isPeerLocal || localConnections.isDialled(Endpoint.format(near)))) {
      connection.admit(accepted ? "receive" : "send", "syn", noBytes)
      connection.admit(accepted ? "send" : "receive", "synack", noBytes)
      yield* connection.startWriteLoop
    }
    // A client learns of the connection when the SYN-ACK arrives; a server accepts others meanwhile.
    if (!accepted) yield* connection.established
    return connection
  })

  return {
    /** Lets everything that waits pass at once, in its order: the plan has changed. */
    hasten: () => {
      for (const connection of connections) connection.hasten()
    },
    /** Returns the capture note for a packet observed on the underlying network. */
    faultNoteOf: ({ bytes, from, kind, to }: Packet) =>
      directions.get(LocalConnections.directionKey(from, to))?.faultNoteOf(kind, bytes),
    listener: (inner: Listener): Listener => ({
      address: inner.address,
      accept: Effect.flatMap(inner.accept, (connection) => wrapConnection(connection, true))
    }),
    connect: Effect.fnUntraced(function* (
      remote: NetAddress.SocketAddress,
      connect: Effect.Effect<Connection, NetworkError, Scope.Scope>
    ) {
      if (!NetAddress.isInetAddress(remote)) return yield* connect
      const to = Endpoint.format(Endpoint.fromInet(remote))
      return yield* Effect.acquireUseRelease(
        Effect.sync(() => localConnections.countDialled(to, 1)),
        () => Effect.flatMap(connect, (connection) => wrapConnection(connection, false)),
        () => Effect.sync(() => localConnections.countDialled(to, -1))
      )
    })
  }
}
