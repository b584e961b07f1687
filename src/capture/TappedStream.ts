/** Stream connections that tell what passes through them. */

import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type * as Endpoint from "../network/Endpoint.ts"
import type { Connection, Listener, NetworkError } from "../network/Network.ts"
import type { Kind } from "../network/Packet.ts"

/** Tells the tap of a packet, now. */
export type Tell = (
  transport: "udp" | "tcp",
  kind: Kind,
  from: Endpoint.Endpoint,
  to: Endpoint.Endpoint,
  bytes: Uint8Array
) => void

/** One end of a stream, as far as telling goes. */
interface End {
  readonly key: string
  /** The other end, when it is one of ours too: then each tells only what it sends. */
  mate: End | undefined
  /** It has sent FIN. */
  finished: boolean
  /** Nothing more is to be told: closed, or reset from either side. */
  over: boolean
}

/** Which of the streams have both ends here. */
interface Ends {
  /** Registers an end; a new one whose other end has told of the handshake already has a mate. */
  readonly enter: (local: string, remote: string) => End
  /** Takes an end away, unless its other end is one of ours and yet to be accepted. */
  readonly leave: (end: End, remote: Endpoint.Endpoint) => void
  readonly listening: (port: number, by: 1 | -1) => void
}

/** Ends that closed before their connection was accepted; beyond, the first is forgotten. */
const maxEarly = 1_024

const none = new Uint8Array(0)
const encoder = new TextEncoder()

const peerOf = (address: NetAddress.InetAddress): Endpoint.Endpoint => ({
  address: NetAddress.formatIp(NetAddress.toCanonical(address.address)),
  port: address.port
})

const nameOf = ({ address, port }: Endpoint.Endpoint) => `${address} ${port}`

const makeEnds = (): Ends => {
  const ends = new Map<string, End>()
  const early = new Set<End>()
  const listeners = new Map<number, number>()
  const remove = (end: End) => {
    early.delete(end)
    if (ends.get(end.key) === end) ends.delete(end.key)
  }
  return {
    enter: (local, remote) => {
      const end: End = { key: `${local} ${remote}`, mate: undefined, finished: false, over: false }
      const other = ends.get(`${remote} ${local}`)
      if (other !== undefined && other.mate === undefined) {
        end.mate = other
        other.mate = end
        if (early.has(other)) remove(other)
      }
      ends.set(end.key, end)
      return end
    },
    leave: (end, remote) => {
      if (end.mate !== undefined || !listeners.has(remote.port)) return remove(end)
      early.add(end)
      if (early.size > maxEarly) remove(early.values().next().value!)
    },
    listening: (port, by) => {
      const count = (listeners.get(port) ?? 0) + by
      if (count === 0) listeners.delete(port)
      else listeners.set(port, count)
    }
  }
}

/** A connection that tells, and what to do when it closes. */
const tapped = (inner: Connection, near: Endpoint.Endpoint, far: Endpoint.Endpoint, end: End, tell: Tell) => {
  /** The other end has sent FIN, when it is not one of ours. */
  let finHeard = false
  let shut = false

  const fin = () => {
    if (end.finished || end.over) return
    end.finished = true
    tell("tcp", "fin", near, far, none)
  }
  const rst = (from: Endpoint.Endpoint, to: Endpoint.Endpoint) => {
    if (end.over) return
    end.over = true
    if (end.mate !== undefined) end.mate.over = true
    tell("tcp", "rst", from, to, none)
  }
  /** What an error says about the other end; an end of ours has told that itself. */
  const heard = (error: NetworkError | Cause.Done) => {
    if (end.mate !== undefined || end.over) return
    if (!Cause.isDone(error)) return error.reason === "Reset" ? rst(far, near) : undefined
    if (finHeard || shut) return
    finHeard = true
    tell("tcp", "fin", far, near, none)
  }
  const handlers = {
    onSuccess: (bytes: Uint8Array): Connection["pull"] => {
      if (end.mate === undefined && !end.over) tell("tcp", "data", far, near, bytes)
      return Effect.succeed(bytes)
    },
    onFailure: (error: NetworkError | Cause.Done): Connection["pull"] => {
      heard(error)
      return Effect.fail(error)
    }
  }
  const failed = (error: NetworkError) => {
    heard(error)
    return Effect.fail(error)
  }

  const connection: Connection = {
    local: inner.local,
    remote: inner.remote,
    pull: Effect.matchEffect(inner.pull, handlers),
    write: (data) =>
      Effect.suspend(() => {
        const bytes = typeof data === "string" ? encoder.encode(data) : data
        if (!end.finished && !end.over && bytes.length > 0) tell("tcp", "data", near, far, bytes)
        return Effect.catch(inner.write(bytes), failed)
      }),
    end: Effect.suspend(() => {
      fin()
      return inner.end
    }),
    endRead: Effect.suspend(() => {
      // From now on `Done` is our own.
      shut = true
      return inner.endRead
    }),
    abort: Effect.suspend(() => {
      if (!(end.finished && (end.mate?.finished ?? finHeard))) rst(near, far)
      return inner.abort
    }),
    traffic: () => inner.traffic()
  }
  const close = () => {
    fin()
    end.over = true
  }
  return { connection, close }
}

/** Wraps what opens streams; those of the file system pass as they are. */
export const make = (tell: Tell) => {
  const ends = makeEnds()

  const track = (inner: Connection, accepted: boolean): Effect.Effect<Connection, never, Scope.Scope> => {
    const { local, remote } = inner
    if (!NetAddress.isInetAddress(local) || !NetAddress.isInetAddress(remote)) return Effect.succeed(inner)
    const near = peerOf(local)
    const far = peerOf(remote)
    const end = ends.enter(nameOf(near), nameOf(far))
    if (end.mate === undefined) {
      const [client, server] = accepted ? [far, near] : [near, far]
      tell("tcp", "syn", client, server, none)
      tell("tcp", "synack", server, client, none)
      tell("tcp", "ack", client, server, none)
    }
    const { close, connection } = tapped(inner, near, far, end, tell)
    const leave = Effect.sync(() => {
      close()
      ends.leave(end, far)
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
    const accept = Effect.flatMap(inner.accept, (connection) => track(connection, true))
    return Effect.as(
      Effect.acquireRelease(
        Effect.sync(() => ends.listening(port, 1)),
        () => Effect.sync(() => ends.listening(port, -1))
      ),
      { address, accept }
    )
  }

  return { listener, connected: (inner: Connection) => track(inner, false) }
}
