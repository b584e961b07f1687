/** Stream connections that tell what passes through them. */

import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type * as Endpoint from "../network/Endpoint.ts"
import type { Connection, Listener, NetworkError } from "../network/Network.ts"
import type { Kind } from "../network/Packet.ts"

/** Tells the tap of a packet, now. */
export type Emit = (
  transport: "udp" | "tcp",
  kind: Kind,
  from: Endpoint.Endpoint,
  to: Endpoint.Endpoint,
  bytes: Uint8Array
) => void

/** One end of a stream, as far as telling goes. */
interface TappedEnd {
  readonly key: string
  /** The other end, when it is one of ours too: then each tells only what it sends. */
  otherEnd: TappedEnd | undefined
  /** It has sent FIN. */
  finSent: boolean
  /** Nothing more is to be told: closed, or reset from either side. */
  closed: boolean
}

/** Which of the streams have both ends here. */
interface EndRegistry {
  /** Registers an end; a new one whose other end has told of the handshake already has a mate. */
  readonly register: (localKey: string, remoteKey: string) => TappedEnd
  /** Takes an end away, unless its other end is one of ours and yet to be accepted. */
  readonly unregister: (end: TappedEnd, remote: Endpoint.Endpoint) => void
  readonly countListeners: (port: number, by: 1 | -1) => void
}

/** Ends that closed before their connection was accepted; beyond, the first is forgotten. */
const maxUnacceptedConnections = 1_024

const emptyPayload = new Uint8Array(0)
const encoder = new TextEncoder()

const endpointOf = (address: NetAddress.InetAddress): Endpoint.Endpoint => ({
  address: NetAddress.formatIp(NetAddress.toCanonical(address.address)),
  port: address.port
})

const keyOf = ({ address, port }: Endpoint.Endpoint) => `${address} ${port}`

const makeEndRegistry = (): EndRegistry => {
  const ends = new Map<string, TappedEnd>()
  const unaccepted = new Set<TappedEnd>()
  const listeners = new Map<number, number>()
  const remove = (end: TappedEnd) => {
    unaccepted.delete(end)
    if (ends.get(end.key) === end) ends.delete(end.key)
  }
  return {
    register: (localKey, remoteKey) => {
      const end: TappedEnd = { key: `${localKey} ${remoteKey}`, otherEnd: undefined, finSent: false, closed: false }
      const other = ends.get(`${remoteKey} ${localKey}`)
      if (other !== undefined && other.otherEnd === undefined) {
        end.otherEnd = other
        other.otherEnd = end
        if (unaccepted.has(other)) remove(other)
      }
      ends.set(end.key, end)
      return end
    },
    unregister: (end, remote) => {
      if (end.otherEnd !== undefined || !listeners.has(remote.port)) return remove(end)
      unaccepted.add(end)
      if (unaccepted.size > maxUnacceptedConnections) remove(unaccepted.values().next().value!)
    },
    countListeners: (port, by) => {
      const count = (listeners.get(port) ?? 0) + by
      if (count === 0) listeners.delete(port)
      else listeners.set(port, count)
    }
  }
}

/** A connection that tells, and what to do when it closes. */
const tapConnection = (inner: Connection, local: Endpoint.Endpoint, remote: Endpoint.Endpoint, end: TappedEnd, emit: Emit) => {
  /** The other end has sent FIN, when it is not one of ours. */
  let finReceived = false
  let readClosed = false

  const emitFin = () => {
    if (end.finSent || end.closed) return
    end.finSent = true
    emit("tcp", "fin", local, remote, emptyPayload)
  }
  const emitRst = (from: Endpoint.Endpoint, to: Endpoint.Endpoint) => {
    if (end.closed) return
    end.closed = true
    if (end.otherEnd !== undefined) end.otherEnd.closed = true
    emit("tcp", "rst", from, to, emptyPayload)
  }
  /** What an error says about the other end; an end of ours has told that itself. */
  const emitFailure = (error: NetworkError | Cause.Done) => {
    if (end.otherEnd !== undefined || end.closed) return
    if (!Cause.isDone(error)) return error.reason === "Reset" ? emitRst(remote, local) : undefined
    if (finReceived || readClosed) return
    finReceived = true
    emit("tcp", "fin", remote, local, emptyPayload)
  }
  const handlers = {
    onSuccess: (bytes: Uint8Array): Connection["pull"] => {
      if (end.otherEnd === undefined && !end.closed) emit("tcp", "data", remote, local, bytes)
      return Effect.succeed(bytes)
    },
    onFailure: (error: NetworkError | Cause.Done): Connection["pull"] => {
      emitFailure(error)
      return Effect.fail(error)
    }
  }
  const onWriteError = (error: NetworkError) => {
    emitFailure(error)
    return Effect.fail(error)
  }

  const connection: Connection = {
    local: inner.local,
    remote: inner.remote,
    pull: Effect.matchEffect(inner.pull, handlers),
    write: (data) =>
      Effect.suspend(() => {
        const bytes = typeof data === "string" ? encoder.encode(data) : data
        if (!end.finSent && !end.closed && bytes.length > 0) emit("tcp", "data", local, remote, bytes)
        return Effect.catch(inner.write(bytes), onWriteError)
      }),
    end: Effect.suspend(() => {
      emitFin()
      return inner.end
    }),
    endRead: Effect.suspend(() => {
      // From now on `Done` is our own.
      readClosed = true
      return inner.endRead
    }),
    abort: Effect.suspend(() => {
      if (!(end.finSent && (end.otherEnd?.finSent ?? finReceived))) emitRst(local, remote)
      return inner.abort
    }),
    traffic: () => inner.traffic()
  }
  const close = () => {
    emitFin()
    end.closed = true
  }
  return { connection, close }
}

/** Wraps what opens streams; those of the file system pass as they are. */
export const make = (emit: Emit) => {
  const registry = makeEndRegistry()

  const tap = (inner: Connection, accepted: boolean): Effect.Effect<Connection, never, Scope.Scope> => {
    const { local, remote } = inner
    if (!NetAddress.isInetAddress(local) || !NetAddress.isInetAddress(remote)) return Effect.succeed(inner)
    const localEndpoint = endpointOf(local)
    const remoteEndpoint = endpointOf(remote)
    const end = registry.register(keyOf(localEndpoint), keyOf(remoteEndpoint))
    if (end.otherEnd === undefined) {
      const [client, server] = accepted ? [remoteEndpoint, localEndpoint] : [localEndpoint, remoteEndpoint]
      emit("tcp", "syn", client, server, emptyPayload)
      emit("tcp", "synack", server, client, emptyPayload)
      emit("tcp", "ack", client, server, emptyPayload)
    }
    const { close, connection } = tapConnection(inner, localEndpoint, remoteEndpoint, end, emit)
    const leave = Effect.sync(() => {
      close()
      registry.unregister(end, remoteEndpoint)
    })
    return Effect.as(
      Effect.addFinalizer(() => leave),
      connection
    )
  }

  const listener = (inner: Listener): Effect.Effect<Listener, never, Scope.Scope> => {
    const { address } = inner
    if (!NetAddress.isInetAddress(address)) return Effect.succeed(inner)
    const { port } = address
    const accept = Effect.flatMap(inner.accept, (connection) => tap(connection, true))
    return Effect.as(
      Effect.acquireRelease(
        Effect.sync(() => registry.countListeners(port, 1)),
        () => Effect.sync(() => registry.countListeners(port, -1))
      ),
      { address, accept }
    )
  }

  return { listener, connected: (inner: Connection) => tap(inner, false) }
}
