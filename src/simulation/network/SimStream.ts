/** One end of a simulated TCP connection: carries what a `HalfStream` sends over a simulated LAN. */

import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Endpoint from "../../network/Endpoint.ts"
import { type Connection, NetworkError } from "../../network/Network.ts"
import type * as Packet from "../../network/Packet.ts"
import * as HalfStream from "../stream/HalfStream.ts"
import * as Waiters from "../stream/Waiters.ts"
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
const encoder = new TextEncoder()
const receiveFin: HalfStream.Event = { _tag: "Receive", bytes: noBytes, end: "fin" }
const reset: HalfStream.Event = { _tag: "Reset" }

/** The hosts and addresses of a connection, as one of its ends sees them. */
interface Path {
  readonly node: Node
  readonly other: Node
  readonly from: Endpoint.Endpoint
  readonly to: Endpoint.Endpoint
}

/** One end of a connection. A class, so that its state is a list of fields. */
export class SimStream implements Connection {
  readonly local: NetAddress.InetAddress
  readonly remote: NetAddress.InetAddress
  readonly context = Context.empty()
  private readonly lan: SimLan
  private readonly path: Path
  private readonly onClosed: () => void
  private stream = HalfStream.make(receiveWindowBytes)
  private peer: SimStream | undefined
  /** Time of arrival of the last segment sent; later segments arrive no earlier. */
  private lastArrival = 0
  /** True after a fault has ended this direction: segments on their way are lost. */
  private isEndedByFault = false
  private readonly readers = Waiters.make()
  private readonly writers = Waiters.make()
  private readonly closers = Waiters.make()

  /** Creates one end, before the handshake; `onClosed` is called when it enters CLOSED. */
  constructor(lan: SimLan, path: Path, onClosed: () => void) {
    this.lan = lan
    this.path = path
    this.onClosed = onClosed
    this.local = NetAddress.inetAddressFromNativeUnsafe(path.from.address, path.from.port)
    this.remote = NetAddress.inetAddressFromNativeUnsafe(path.to.address, path.to.port)
  }

  /** Ends the handshake with this peer; nothing is sent so that it arrives before `after`. */
  establish(peer: SimStream, after: number) {
    this.peer = peer
    this.lastArrival = Math.max(this.lastArrival, after)
  }

  get isClosed() {
    return this.stream.state === "CLOSED"
  }

  /** Handles an event of the program, the network or the host. */
  dispatch(event: HalfStream.Event) {
    const wasClosed = this.isClosed
    this.advance(event)
    this.transmit()
    if (this.isClosed && !wasClosed) this.onClosed()
    // The order in which fibers resume decides which of them draws the next random number.
    this.path.node.run(() => {
      for (const waiters of [this.readers, this.writers, this.closers]) waiters.notify()
    })
  }

  private advance(event: HalfStream.Event) {
    const [next, actions] = HalfStream.step(this.stream, event)
    this.stream = next
    for (const action of actions) this.perform(action)
    return actions
  }

  /** Sends queued data while the send window is open, in segments of random size. */
  private transmit() {
    const { random } = this.lan
    for (let piece = HalfStream.sendable(this.stream); piece !== undefined; piece = HalfStream.sendable(this.stream)) {
      const most = Math.min(piece.bytes.length, this.stream.sendWindow, maxSegmentBytes)
      const maxBytes = most > 1 && random() < 0.5 ? 1 + Math.floor(random() * most) : most
      this.advance({ _tag: "Transmit", maxBytes, now: 0 })
    }
  }

  private perform(action: HalfStream.Action) {
    switch (action._tag) {
      case "Data":
        return this.send("data", action.bytes.slice(), (bytes) => ({ _tag: "Receive", bytes }))
      case "Fin":
        return this.send("fin", noBytes, () => receiveFin)
      case "Rst":
        return this.peer && this.send("rst", noBytes, () => reset)
      case "Ack": {
        const { from, node, other, to } = this.path
        const packet = { transport: "tcp", kind: "ack", from, to, bytes: noBytes } as const
        const update: HalfStream.Event = { _tag: "WindowUpdate", bytes: action.bytes }
        this.lan.segment(packet, node, other, 0, () => this.peer?.dispatch(update))
      }
    }
  }

  /** Sends a segment; `arrive` returns the event for the peer. */
  private send(kind: Packet.Kind, bytes: Uint8Array, arrive: (bytes: Uint8Array) => HalfStream.Event) {
    const { from, node, other, to } = this.path
    const packet = { transport: "tcp", kind, from, to, bytes } as const
    this.lastArrival = this.lan.segment(packet, node, other, this.lastArrival, (piece, ending) => {
      if (this.isEndedByFault) return
      const { peer } = this
      if (peer === undefined || peer.isClosed) {
        // Answered with RST, unless the host of the closed connection is down.
        if (kind === "data" && other.up && !this.isClosed) this.answerReset()
        return
      }
      peer.dispatch(arrive(piece))
      if (ending === undefined) return
      this.isEndedByFault = true
      if (ending === "fin") return peer.dispatch(receiveFin)
      peer.dispatch(reset)
      this.dispatch(reset)
    })
  }

  private answerReset() {
    const { from, node, other, to } = this.path
    const packet = { transport: "tcp", kind: "rst", from: to, to: from, bytes: noBytes } as const
    this.lan.segment(packet, other, node, 0, () => this.dispatch(reset))
  }

  private readonly isReadable = () =>
    this.isClosed || this.stream.receive.end !== undefined || this.stream.receive.queuedBytes > 0
  private readonly isWritable = () => this.isClosed || this.stream.send.queuedBytes < sendBufferBytes

  private fail() {
    return Effect.fail(new NetworkError({ reason: this.stream.closeReason ?? "Closed", address: this.remote }))
  }

  readonly pull: Connection["pull"] = Effect.suspend(() => {
    if (this.stream.receive.queuedBytes > 0) return Effect.succeed(this.read())
    if (HalfStream.isInputOver(this.stream)) return Cause.done()
    return this.isClosed ? this.fail() : this.readers.until(this.isReadable, () => this.pull)
  })

  private read(): Uint8Array {
    const actions = this.advance({ _tag: "Read", now: 0 })
    return actions.find((action) => action._tag === "Deliver")!.bytes
  }

  write(data: Uint8Array | string) {
    return Effect.suspend(() => {
      if (!HalfStream.canWrite(this.stream)) return this.fail()
      const bytes = typeof data === "string" ? encoder.encode(data) : data
      if (bytes.length === 0) return Effect.void
      this.dispatch({ _tag: "Write", bytes })
      if (this.isWritable()) return Effect.void
      return this.writers.until(this.isWritable, () => (this.isClosed ? this.fail() : Effect.void))
    })
  }

  readonly end = Effect.sync(() => this.dispatch({ _tag: "End" }))
  readonly endRead = Effect.sync(() => this.dispatch({ _tag: "EndRead", now: 0 }))
  readonly abort = Effect.sync(() => this.dispatch({ _tag: "Abort" }))

  /** Closes the connection as its scope does: FIN after the last byte, or RST if the peer does not take it in time. */
  readonly close = Effect.suspend(() => {
    if (this.isClosed) return Effect.void
    this.dispatch({ _tag: "End" })
    this.dispatch({ _tag: "DiscardInput" })
    const leave = Effect.sync(() => this.dispatch({ _tag: HalfStream.isFinSent(this.stream) ? "Close" : "Abort" }))
    return HalfStream.isFinished(this.stream) ? leave : Effect.andThen(this.awaitClose, leave)
  })

  private readonly awaitClose = Effect.suspend(() => {
    const { clock } = this.lan
    let isLate = false
    const timer = clock.schedule(clock.now() + closeTimeoutNanos, () => {
      isLate = true
      this.closers.notify()
    })
    const isOver = () => isLate || HalfStream.isFinished(this.stream)
    const cancelTimer = Effect.sync(() => clock.cancel(timer))
    return Effect.ensuring(
      this.closers.until(isOver, () => Effect.void),
      cancelTimer
    )
  })

  traffic() {
    const { received, send, sent } = this.stream
    return { received, sent, unsent: send.queuedBytes }
  }
}
