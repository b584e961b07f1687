/** One end of a simulated TCP connection: send queue, receive queue and flow control, with the terms of RFC 9293. */

import * as Bytes from "effect/Bytes"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Endpoint from "../../network/Endpoint.ts"
import { type Connection, NetworkError, type Reason } from "../../network/Network.ts"
import type * as Packet from "../../network/Packet.ts"
import type { Node, SimLan } from "./SimLan.ts"

/** Receive window: bytes buffered for the program before the peer must stop sending. */
const receiveWindowBytes = 65_536

/** Bytes that the send queue holds before a write waits. */
const sendBufferBytes = 65_536

/** Maximum bytes of a segment; the size of each is random. */
const maxSegmentBytes = 16_384

/** Time that a closing connection has to deliver its last bytes, before it is reset. */
const closeTimeoutNanos = 1_000_000_000

const noBytes = new Uint8Array(0)

/** One end of a connection, as its host sees it. @category models @since 0.1.0 */
export interface SimConnection extends Connection {
  /** Closes the connection as its scope does: FIN after the last byte, or RST if the peer does not take it in time. */
  readonly close: Effect.Effect<void>
  /** Enters ESTABLISHED with this peer; nothing is sent so that it arrives before `after`. */
  readonly establish: (peer: SimConnection, after: number) => void
  /** Closes the connection without sending anything, as at a crash of the host. */
  readonly discard: () => void
  /** Sends RST and closes the connection. */
  readonly reset: () => void
  readonly isClosed: () => boolean
  /** Receives data from the peer. */
  readonly onData: (bytes: Uint8Array) => void
  readonly onFin: () => void
  readonly onReset: () => void
  /** Adds `bytes` to the send window, after the peer's program has read them. */
  readonly onWindowUpdate: (bytes: number) => void
}

/** Creates one end of a connection, before the handshake. @category constructors @since 0.1.0 */
export const make = (
  lan: SimLan,
  node: Node,
  other: Node,
  from: Endpoint.Endpoint,
  to: Endpoint.Endpoint,
  onClosed: () => void
): SimConnection => {
  const { clock } = lan
  const local = NetAddress.inetAddressFromNativeUnsafe(from.address, from.port)
  const remote = NetAddress.inetAddressFromNativeUnsafe(to.address, to.port)
  let peer: SimConnection | undefined
  /** Time of arrival of the last segment sent; later segments arrive no earlier. */
  let lastArrival = 0
  const sendQueue: Array<Uint8Array> = []
  let unsent = 0
  let sendWindow = receiveWindowBytes
  let sent = 0
  /** True after a fault has ended this direction: segments on their way are lost. */
  let isEndedByFault = false
  let finQueued = false
  let finSent = false
  const receiveQueue: Array<Uint8Array> = []
  let buffered = 0
  /**
   * Bytes that the program has read and no ACK has announced; one ACK announces many, because most exchanges never fill
   * the window.
   */
  let unacknowledged = 0
  let received = 0
  let finReceived = false
  let readShutdown = false
  let failure: Reason | undefined
  let closed = false
  let reader: ((result: Connection["pull"]) => void) | undefined
  const writeWaiters = new Set<() => void>()
  const closeWaiters = new Set<() => void>()
  /** True while a closing connection reads and discards data, so that the peer receives its last bytes and not RST. */
  let discarding = false

  /** Runs an action at once, or when the paused host resumes. */
  const whenResumed = (action: () => void) => {
    if (node.pausedUntil > clock.now()) clock.schedule(node.pausedUntil, () => whenResumed(action))
    else action()
  }
  const send = (kind: Packet.Kind, bytes: Uint8Array, arrive: (peer: SimConnection, bytes: Uint8Array) => void) => {
    const packet = { transport: "tcp", kind, from, to, bytes } as const
    lastArrival = lan.segment(packet, node, other, lastArrival, (piece, ending) => {
      if (isEndedByFault) return
      if (peer !== undefined && !peer.isClosed()) {
        arrive(peer, piece)
        if (ending === undefined) return
        isEndedByFault = true
        if (ending === "fin") return peer.onFin()
        peer.onReset()
        return self.onReset()
      }
      // The peer's connection is closed: answer with RST, unless its host is down.
      if (kind === "data" && other.up && !closed) answerReset()
    })
  }
  const answerReset = () => {
    const packet = { transport: "tcp", kind: "rst", from: to, to: from, bytes: noBytes } as const
    lan.segment(packet, other, node, 0, () => self.onReset())
  }
  const markClosed = () => {
    if (closed) return
    closed = true
    onClosed()
  }
  const error = (reason: Reason = failure ?? "Closed") => Effect.fail(new NetworkError({ reason, address: remote }))
  const wakeWaiters = () =>
    whenResumed(() => {
      if (reader !== undefined && (buffered > 0 || finReceived || readShutdown || failure !== undefined)) {
        const resume = reader
        reader = undefined
        resume(pull)
      }
      for (const check of [...writeWaiters]) check()
      for (const check of [...closeWaiters]) check()
    })
  const fail = (reason: Reason) => {
    failure ??= reason
    sendQueue.length = 0
    unsent = 0
    wakeWaiters()
  }

  /** Sends queued data while the send window is open, in segments of random size. */
  const transmit = () => {
    if (peer === undefined || closed) return
    while (sendQueue.length > 0 && sendWindow > 0) {
      const head = sendQueue[0]!
      const maxBytes = Math.min(head.length, sendWindow, maxSegmentBytes)
      const size = maxBytes > 1 && lan.random() < 0.5 ? 1 + Math.floor(lan.random() * maxBytes) : maxBytes
      const segment = head.slice(0, size)
      if (size === head.length) sendQueue.shift()
      else sendQueue[0] = head.subarray(size)
      sendWindow -= size
      unsent -= size
      sent += size
      send("data", segment, (far, bytes) => far.onData(bytes))
    }
    if (sendQueue.length > 0) return
    if (finQueued && !finSent) {
      finSent = true
      send("fin", noBytes, (far) => far.onFin())
    }
  }
  const takeReceived = (): Uint8Array => {
    const bytes = receiveQueue.length === 1 ? receiveQueue[0]! : Bytes.concat(receiveQueue)
    receiveQueue.length = 0
    openWindow()
    return bytes
  }
  /**
   * Announces the window to the peer, but not for every byte: otherwise the peer would send equally small segments (RFC
   * 9293, section 3.8.6.2.2).
   */
  const openWindow = () => {
    unacknowledged += buffered
    buffered = 0
    if (unacknowledged < receiveWindowBytes / 2) return
    const increment = unacknowledged
    unacknowledged = 0
    if (peer === undefined || closed) return
    const packet = { transport: "tcp", kind: "ack", from, to, bytes: noBytes } as const
    lan.segment(packet, node, other, 0, () => peer?.onWindowUpdate(increment))
  }
  const awaitInput: Connection["pull"] = Effect.callback((resume) => {
    reader = resume
    return Effect.sync(() => {
      reader = undefined
    })
  })
  const pull: Connection["pull"] = Effect.suspend(() => {
    if (buffered > 0) return Effect.succeed(takeReceived())
    if (finReceived || readShutdown) return Cause.done()
    if (failure !== undefined || closed) return error()
    return awaitInput
  })
  const awaitSendBuffer = Effect.callback<void, NetworkError>((resume) => {
    const check = () => {
      if (failure === undefined && !closed && unsent >= sendBufferBytes) return
      writeWaiters.delete(check)
      resume(failure === undefined && !closed ? Effect.void : error())
    }
    writeWaiters.add(check)
    check()
    return Effect.sync(() => void writeWaiters.delete(check))
  })
  const reset = () => {
    if (closed) return
    if (peer !== undefined) send("rst", noBytes, (far) => far.onReset())
    markClosed()
    receiveQueue.length = 0
    buffered = 0
    fail("Closed")
  }
  const isCloseComplete = () => closed || (finSent && (!discarding || finReceived))
  const awaitClose = Effect.callback<void>((resume) => {
    const check = () => {
      if (isCloseComplete()) settle()
    }
    const settle = () => {
      closeWaiters.delete(check)
      clock.cancel(timer)
      resume(Effect.void)
    }
    const timer = clock.schedule(clock.now() + closeTimeoutNanos, settle)
    closeWaiters.add(check)
    check()
    return Effect.sync(() => {
      closeWaiters.delete(check)
      clock.cancel(timer)
    })
  })
  const discardReceived = () => {
    receiveQueue.length = 0
    openWindow()
  }

  const self: SimConnection = {
    local,
    remote,
    pull,
    write: (data) =>
      Effect.suspend(() => {
        if (closed || finQueued || failure !== undefined) return error()
        const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data
        if (bytes.length === 0) return Effect.void
        sendQueue.push(bytes)
        unsent += bytes.length
        transmit()
        return unsent < sendBufferBytes ? Effect.void : awaitSendBuffer
      }),
    end: Effect.sync(() => {
      finQueued = true
      transmit()
    }),
    endRead: Effect.sync(() => {
      readShutdown = true
      wakeWaiters()
    }),
    abort: Effect.sync(reset),
    traffic: () => ({ received, sent, unsent }),
    context: Context.empty(),
    close: Effect.suspend(() => {
      if (closed) return Effect.void
      finQueued = true
      transmit()
      discarding = buffered > 0 && !finReceived
      if (discarding) discardReceived()
      const leaveNow = Effect.sync(() => {
        if (!finSent) return reset()
        markClosed()
        fail("Closed")
      })
      return isCloseComplete() ? leaveNow : Effect.andThen(awaitClose, leaveNow)
    }),
    establish: (far, after) => {
      peer = far
      lastArrival = Math.max(lastArrival, after)
      transmit()
    },
    discard: () => {
      markClosed()
      fail("Closed")
    },
    reset,
    isClosed: () => closed,
    onData: (bytes) => {
      if (readShutdown || bytes.length === 0) return
      receiveQueue.push(bytes)
      buffered += bytes.length
      received += bytes.length
      if (discarding) discardReceived()
      else wakeWaiters()
    },
    onFin: () => {
      finReceived = true
      wakeWaiters()
    },
    onReset: () => {
      receiveQueue.length = 0
      buffered = 0
      markClosed()
      fail("Reset")
    },
    onWindowUpdate: (bytes) => {
      sendWindow += bytes
      transmit()
      wakeWaiters()
    }
  }
  return self
}
