/** Stream connections that report their packets to a tap. */

import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as Endpoint from "../../network/Endpoint.ts"
import type { Connection, Listener, NetworkError } from "../../network/Network.ts"
import type { Kind } from "../../network/Packet.ts"

/** Reports a packet to the tap, with the current time and a comment for the reader of the capture. */
export type Emit = (
  transport: "udp" | "tcp",
  kind: Kind,
  from: Endpoint.Endpoint,
  to: Endpoint.Endpoint,
  bytes: Uint8Array,
  comment?: string
) => void

/** The reporting state of one end of a stream. */
interface TappedEnd {
  readonly key: string
  /** The other end, if it is also captured: then each end reports only the packets it sends. */
  otherEnd: TappedEnd | undefined
  /** This end has sent a FIN. */
  finSent: boolean
  /** The end was closed, or either end was reset: it reports nothing more. */
  closed: boolean
}

/** Registry of captured ends, which finds streams whose both ends are captured. */
interface EndRegistry {
  /** Registers an end and links it with its other end, if that is registered and has reported the handshake. */
  readonly register: (localKey: string, remoteKey: string) => TappedEnd
  /** Removes an end, except while its other end is in the accept queue of a captured listener. */
  readonly unregister: (end: TappedEnd, remote: Endpoint.Endpoint) => void
  readonly countListeners: (port: number, by: 1 | -1) => void
}

/** Maximum number of connections that closed before they were accepted; beyond it the oldest is forgotten. */
const maxUnacceptedConnections = 1_024

const emptyPayload = new Uint8Array(0)
const encoder = new TextEncoder()

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

/** Wraps a connection so that it reports its packets; `close` reports the FIN of the local end. */
const tapConnection = (
  inner: Connection,
  local: Endpoint.Endpoint,
  remote: Endpoint.Endpoint,
  end: TappedEnd,
  emit: Emit
) => {
  /** The remote end has sent a FIN; used only if that end is not captured. */
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
  /** Reports the FIN or RST that an error implies, unless the other end is captured and has reported it. */
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
      // A later `Done` comes from this end and not from a FIN.
      readClosed = true
      return inner.endRead
    }),
    abort: Effect.suspend(() => {
      if (!(end.finSent && (end.otherEnd?.finSent ?? finReceived))) emitRst(local, remote)
      return inner.abort
    }),
    traffic: () => inner.traffic(),
    context: inner.context
  }
  const close = () => {
    emitFin()
    end.closed = true
  }
  return { connection, close }
}

/** Creates wrappers of listeners and connections. Unix domain sockets are returned unchanged. */
export const make = (emit: Emit) => {
  const registry = makeEndRegistry()

  const tap = (inner: Connection, accepted: boolean): Effect.Effect<Connection, never, Scope.Scope> => {
    const { local, remote } = inner
    if (!NetAddress.isInetAddress(local) || !NetAddress.isInetAddress(remote)) return Effect.succeed(inner)
    const localEndpoint = Endpoint.fromInet(local)
    const remoteEndpoint = Endpoint.fromInet(remote)
    const end = registry.register(Endpoint.format(localEndpoint), Endpoint.format(remoteEndpoint))
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
