/** One end of a simulated connection: what was written waits for room at the other end, what has come for a reader. */

import * as Bytes from "effect/Bytes"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Endpoint from "../../network/Endpoint.ts"
import { type Connection, NetworkError, type Reason } from "../../network/Network.ts"
import type * as Packet from "../../network/Packet.ts"
import type { Node, SimLan } from "./SimLan.ts"

/** Bytes that one end takes before its program has read them. */
const receiveWindowBytes = 65_536

/** Bytes that may wait for room at the other end before a write waits too. */
const sendBufferBytes = 65_536

/** The most bytes of a piece; how many it has is chance. */
const maxSegmentBytes = 16_384

/** How long a closing end may take to hand over its last bytes. */
const closeTimeoutNanos = 1_000_000_000

const noBytes = new Uint8Array(0)

/** An end, as its host sees it. @category models @since 0.1.0 */
export interface SimConnection extends Connection {
  /** Ends it as its scope does: FIN after the last byte, RST for a peer that does not take it in time. */
  readonly close: Effect.Effect<void>
  /** Both ends know of each other; nothing is sent before the time. */
  readonly establish: (peer: SimConnection, after: number) => void
  /** Gone without a word, as when its host crashes. */
  readonly discard: () => void
  /** Sends RST. */
  readonly reset: () => void
  readonly isClosed: () => boolean
  /** What comes from the other end. */
  readonly onData: (bytes: Uint8Array) => void
  readonly onFin: () => void
  readonly onReset: () => void
  /** The other end has room for so many bytes more. */
  readonly onWindowUpdate: (bytes: number) => void
}

/** @category constructors @since 0.1.0 */
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
  /** When the last packet sent arrives: the next one does not overtake it. */
  let lastArrival = 0
  const sendQueue: Array<Uint8Array> = []
  let unsent = 0
  let sendWindow = receiveWindowBytes
  let sent = 0
  /** A fault has ended this direction: what is still on its way is lost. */
  let isEndedByFault = false
  let finQueued = false
  let finSent = false
  const receiveQueue: Array<Uint8Array> = []
  let buffered = 0
  /** Room is told late, and in bulk: most exchanges never fill the window. */
  let unacknowledged = 0
  let received = 0
  let finReceived = false
  let readShutdown = false
  let failure: Reason | undefined
  let closed = false
  let reader: ((result: Connection["pull"]) => void) | undefined
  const writeWaiters = new Set<() => void>()
  const closeWaiters = new Set<() => void>()
  /** A closing end reads and drops what comes, so that the peer hears its last words and not RST. */
  let discarding = false

  /** Runs as soon as this host runs: at once, unless it is paused. */
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
      // Nobody there takes it: RST, or silence from a host that is down.
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
      for (const look of [...writeWaiters]) look()
      for (const look of [...closeWaiters]) look()
    })
  const fail = (reason: Reason) => {
    failure ??= reason
    sendQueue.length = 0
    unsent = 0
    wakeWaiters()
  }

  /** Sends while the other end has room, in pieces of any size. */
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
  /** Tells the other end of room, but not of every byte: it would answer with pieces as small. */
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
    const look = () => {
      if (failure === undefined && !closed && unsent >= sendBufferBytes) return
      writeWaiters.delete(look)
      resume(failure === undefined && !closed ? Effect.void : error())
    }
    writeWaiters.add(look)
    look()
    return Effect.sync(() => void writeWaiters.delete(look))
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
    const look = () => {
      if (isCloseComplete()) settle()
    }
    const settle = () => {
      closeWaiters.delete(look)
      clock.cancel(timer)
      resume(Effect.void)
    }
    const timer = clock.schedule(clock.now() + closeTimeoutNanos, settle)
    closeWaiters.add(look)
    look()
    return Effect.sync(() => {
      closeWaiters.delete(look)
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
