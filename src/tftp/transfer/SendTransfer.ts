/** Sends a file to a peer: drives the pure `Sender` from callbacks; no fiber is resumed per packet. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Signal from "../../network/Signal.ts"
import * as Packet from "../protocol/Packet.ts"
import type * as Store from "../store/Store.ts"
import * as TftpError from "../TftpError.ts"
import * as BlockSources from "./BlockSources.ts"
import * as RetransmissionTimer from "./RetransmissionTimer.ts"
import * as Sender from "./Sender.ts"
import * as Transfer from "./Transfer.ts"

/** The file to send, and the options of the transfer. */
export interface Options extends Transfer.CommonOptions {
  readonly readable: Pick<Store.Readable, "body" | "size">
  /** The name for error messages. */
  readonly filename: string
}

/** The pause between bursts, as a fraction of the round trip time. */
const pauseRttFraction = 1 / 4

/** A shorter pause is one turn of the event loop. */
const minPauseMillis = 1

/** Makes a transfer to the peer; `run` starts it. */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Transfer.Transfer, never, Scope.Scope> {
  const { agreed, initialPacket, send, maxUnvalidatedPackets } = options
  const { blksize, rollover, windowsize } = agreed
  const source = BlockSources.make(options.readable, {
    blksize,
    windowsize,
    mode: options.mode,
    filename: options.filename,
    mayUseLargeBuffers: options.mayUseLargeBuffers
  })
  const completion = Transfer.makeCompletion(send)
  const pauseDue = Signal.make()
  const packetBuffer = new Uint8Array(4 + blksize)
  let state = Sender.start(agreed)
  let handshakeDone = initialPacket === undefined
  let initialPacketsSent = 0
  let initialPacketSentAt = 0
  let lastBlockBytes = 0

  /** Returns true if no reply is awaited: the local file is slow. */
  const isWaitingForFile = () => handshakeDone && state.highAck === state.sndNext - 1

  const onTimeout = () => {
    if (isWaitingForFile()) return timer.reset()
    if (!handshakeDone) return sendInitialPacket()
    state = Sender.timedOut(state)
    pump()
  }
  const onGiveUp = (attempts: number) => {
    if (isWaitingForFile()) return timer.reset()
    completion.fail(new TftpError.Timeout({ attempts, lastAckMissing: state.sndNext > state.last }))
  }
  const timer = yield* RetransmissionTimer.make({
    ...options,
    timeoutFactor: 1,
    maxUnvalidatedPackets,
    onTimeout,
    onGiveUp
  })

  const sendInitialPacket = () => {
    initialPacketsSent++
    initialPacketSentAt = timer.now()
    send(initialPacket!)
  }
  /**
   * Sends a block; returns false if it has not been read yet. All full blocks share one buffer: if the kernel still
   * queues the previous packet, it sends the newer block twice, which the protocol handles as a loss. The last block is
   * shorter and has a buffer of its own.
   */
  const sendBlock = (block: number) => {
    const packet = source.take(block, packetBuffer)
    if (packet === undefined) return false
    const wire = Sender.toWire(rollover, block)
    packet[0] = 0
    packet[1] = Packet.Opcode.DATA
    packet[2] = wire >> 8
    packet[3] = wire
    if (packet.length === packetBuffer.length) send(packet)
    else {
      lastBlockBytes = packet.length - 4
      send(packet.slice())
    }
    return true
  }
  const pump = () => {
    if (!handshakeDone || completion.isDone()) return
    const last = source.last()
    if (last !== state.last) state = Sender.finish(state, last)
    while (state.sndNext <= Sender.limit(state)) {
      if (Sender.shouldPause(state)) return pauseDue.notify()
      if (!sendBlock(state.sndNext)) return
      state = Sender.sent(state, timer.now())
    }
  }
  const onAck = (wire: number) => {
    if (!handshakeDone) {
      if (wire !== 0) return
      handshakeDone = true
      // After a retransmission it is unknown which copy was acknowledged (Karn's rule).
      if (initialPacketsSent === 1) timer.addRttSample(timer.now() - initialPacketSentAt)
    } else {
      const [next, verdict] = Sender.ack(state, wire, timer.now(), timer.rtt())
      if (verdict._tag === "Ignored") return
      state = next
      if (verdict._tag === "Progress" && verdict.sample !== undefined) timer.addRttSample(verdict.sample)
      if (verdict._tag === "Done") return completion.succeed()
      source.release(state.highAck)
    }
    timer.markValidated()
    timer.reset()
    pump()
  }
  const pacer = Effect.forever(
    Effect.gen(function* () {
      yield* pauseDue.wait
      const pause = (timer.rtt()?.smoothed ?? 0) * pauseRttFraction
      yield* pause < minPauseMillis ? Effect.yieldNow : Effect.sleep(pause)
      if (!Sender.shouldPause(state)) return
      state = Sender.resume(state)
      pump()
    })
  )
  const summary = (): Transfer.Summary => ({
    bytes: state.highAck === state.last ? (state.last - 1) * blksize + lastBlockBytes : state.highAck * blksize,
    resent: state.resent + Math.max(0, initialPacketsSent - 1),
    rtt: timer.rtt(),
    blksize,
    windowsize
  })
  return {
    receive: (bytes) => {
      if (completion.isDone()) return
      const opcode = Packet.opcode(bytes)
      if (opcode === Packet.Opcode.ACK && bytes.length >= 4) onAck(Packet.wireBlock(bytes))
      else if (opcode === Packet.Opcode.ERROR) completion.failFromPacket(bytes)
    },
    summary,
    handshakeDone: () => handshakeDone,
    run: Effect.suspend(() => {
      if (handshakeDone) pump()
      else sendInitialPacket()
      return Effect.map(
        completion.runUntilDone([Effect.mapError(source.run(pump), Transfer.fileError), pacer]),
        summary
      )
    })
  }
})
