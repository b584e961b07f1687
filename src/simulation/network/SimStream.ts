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
const window = 65_536

/** Bytes that may wait for room at the other end before a write waits too. */
const highWater = 65_536

/** The most bytes of a piece; how many it has is chance. */
const largestPiece = 16_384

/** How long a closing end may take to hand over its last bytes. */
const linger = 1_000_000_000

const none = new Uint8Array(0)

/** An end, as its host sees it. @category models @since 0.1.0 */
export interface End extends Connection {
  /** Ends it as its scope does: FIN after the last byte, RST for a peer that does not take it in time. */
  readonly close: Effect.Effect<void>
  /** Both ends know of each other; nothing is sent before the time. */
  readonly establish: (peer: End, after: number) => void
  /** Gone without a word, as when its host crashes. */
  readonly vanish: () => void
  /** Sends RST. */
  readonly reset: () => void
  readonly isGone: () => boolean
  /** What comes from the other end. */
  readonly onData: (bytes: Uint8Array) => void
  readonly onFin: () => void
  readonly onReset: () => void
  /** The other end has room for so many bytes more. */
  readonly onRoom: (bytes: number) => void
}

/** @category constructors @since 0.1.0 */
export const make = (
  lan: SimLan,
  node: Node,
  other: Node,
  from: Endpoint.Endpoint,
  to: Endpoint.Endpoint,
  onGone: () => void
): End => {
  const { clock } = lan
  const local = NetAddress.inetAddressFromNativeUnsafe(from.address, from.port)
  const remote = NetAddress.inetAddressFromNativeUnsafe(to.address, to.port)
  let peer: End | undefined
  /** When the last packet sent arrives: the next one does not overtake it. */
  let last = 0
  const sending: Array<Uint8Array> = []
  let unsent = 0
  let room = window
  let sent = 0
  /** A fault has ended this direction: what is still on its way is lost. */
  let isCut = false
  let finWanted = false
  let finSent = false
  const come: Array<Uint8Array> = []
  let held = 0
  /** Room is told late, and in bulk: most exchanges never fill the window. */
  let owed = 0
  let received = 0
  let ended = false
  let shut = false
  let failure: Reason | undefined
  let gone = false
  let reader: ((result: Connection["pull"]) => void) | undefined
  const writers = new Set<() => void>()
  const closers = new Set<() => void>()
  /** A closing end reads and drops what comes, so that the peer hears its last words and not RST. */
  let dropping = false

  /** Runs as soon as this host runs: at once, unless it is paused. */
  const awake = (action: () => void) => {
    if (node.pausedUntil > clock.now()) clock.at(node.pausedUntil, () => awake(action))
    else action()
  }
  const send = (kind: Packet.Kind, bytes: Uint8Array, arrive: (peer: End, bytes: Uint8Array) => void) => {
    const packet = { transport: "tcp", kind, from, to, bytes } as const
    last = lan.segment(packet, node, other, last, (piece, ending) => {
      if (isCut) return
      if (peer !== undefined && !peer.isGone()) {
        arrive(peer, piece)
        if (ending === undefined) return
        isCut = true
        if (ending === "fin") return peer.onFin()
        peer.onReset()
        return end.onReset()
      }
      // Nobody there takes it: RST, or silence from a host that is down.
      if (kind === "data" && other.up && !gone) refuse()
    })
  }
  const refuse = () => {
    const packet = { transport: "tcp", kind: "rst", from: to, to: from, bytes: none } as const
    lan.segment(packet, other, node, 0, () => end.onReset())
  }
  const leave = () => {
    if (gone) return
    gone = true
    onGone()
  }
  const error = (reason: Reason = failure ?? "Closed") => Effect.fail(new NetworkError({ reason, address: remote }))
  const wake = () =>
    awake(() => {
      if (reader !== undefined && (held > 0 || ended || shut || failure !== undefined)) {
        const resume = reader
        reader = undefined
        resume(pull)
      }
      for (const look of [...writers]) look()
      for (const look of [...closers]) look()
    })
  const give = (reason: Reason) => {
    failure ??= reason
    sending.length = 0
    unsent = 0
    wake()
  }

  /** Sends while the other end has room, in pieces of any size. */
  const pump = () => {
    if (peer === undefined || gone) return
    while (sending.length > 0 && room > 0) {
      const head = sending[0]!
      const most = Math.min(head.length, room, largestPiece)
      const size = most > 1 && lan.random() < 0.5 ? 1 + Math.floor(lan.random() * most) : most
      const piece = head.slice(0, size)
      if (size === head.length) sending.shift()
      else sending[0] = head.subarray(size)
      room -= size
      unsent -= size
      sent += size
      send("data", piece, (far, bytes) => far.onData(bytes))
    }
    if (sending.length > 0) return
    if (finWanted && !finSent) {
      finSent = true
      send("fin", none, (far) => far.onFin())
    }
  }
  const take = (): Uint8Array => {
    const bytes = come.length === 1 ? come[0]! : Bytes.concat(come)
    come.length = 0
    free()
    return bytes
  }
  /** Tells the other end of room, but not of every byte: it would answer with pieces as small. */
  const free = () => {
    owed += held
    held = 0
    if (owed < window / 2) return
    const told = owed
    owed = 0
    if (peer === undefined || gone) return
    const packet = { transport: "tcp", kind: "ack", from, to, bytes: none } as const
    lan.segment(packet, node, other, 0, () => peer?.onRoom(told))
  }
  const parked: Connection["pull"] = Effect.callback((resume) => {
    reader = resume
    return Effect.sync(() => {
      reader = undefined
    })
  })
  const pull: Connection["pull"] = Effect.suspend(() => {
    if (held > 0) return Effect.succeed(take())
    if (ended || shut) return Cause.done()
    if (failure !== undefined || gone) return error()
    return parked
  })
  const drained = Effect.callback<void, NetworkError>((resume) => {
    const look = () => {
      if (failure === undefined && !gone && unsent >= highWater) return
      writers.delete(look)
      resume(failure === undefined && !gone ? Effect.void : error())
    }
    writers.add(look)
    look()
    return Effect.sync(() => void writers.delete(look))
  })
  const reset = () => {
    if (gone) return
    if (peer !== undefined) send("rst", none, (far) => far.onReset())
    leave()
    come.length = 0
    held = 0
    give("Closed")
  }
  const isClosed = () => gone || (finSent && (!dropping || ended))
  const closed = Effect.callback<void>((resume) => {
    const look = () => {
      if (isClosed()) settle()
    }
    const settle = () => {
      closers.delete(look)
      clock.cancel(timer)
      resume(Effect.void)
    }
    const timer = clock.at(clock.now() + linger, settle)
    closers.add(look)
    look()
    return Effect.sync(() => {
      closers.delete(look)
      clock.cancel(timer)
    })
  })
  const drop = () => {
    come.length = 0
    free()
  }

  const end: End = {
    local,
    remote,
    pull,
    write: (data) =>
      Effect.suspend(() => {
        if (gone || finWanted || failure !== undefined) return error()
        const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data
        if (bytes.length === 0) return Effect.void
        sending.push(bytes)
        unsent += bytes.length
        pump()
        return unsent < highWater ? Effect.void : drained
      }),
    end: Effect.sync(() => {
      finWanted = true
      pump()
    }),
    endRead: Effect.sync(() => {
      shut = true
      wake()
    }),
    abort: Effect.sync(reset),
    traffic: () => ({ received, sent, unsent }),
    close: Effect.suspend(() => {
      if (gone) return Effect.void
      finWanted = true
      pump()
      dropping = held > 0 && !ended
      if (dropping) drop()
      const leaveNow = Effect.sync(() => {
        if (!finSent) return reset()
        leave()
        give("Closed")
      })
      return isClosed() ? leaveNow : Effect.andThen(closed, leaveNow)
    }),
    establish: (far, after) => {
      peer = far
      last = Math.max(last, after)
      pump()
    },
    vanish: () => {
      leave()
      give("Closed")
    },
    reset,
    isGone: () => gone,
    onData: (bytes) => {
      if (shut || bytes.length === 0) return
      come.push(bytes)
      held += bytes.length
      received += bytes.length
      if (dropping) drop()
      else wake()
    },
    onFin: () => {
      ended = true
      wake()
    },
    onReset: () => {
      come.length = 0
      held = 0
      leave()
      give("Reset")
    },
    onRoom: (bytes) => {
      room += bytes
      pump()
      wake()
    }
  }
  return end
}
