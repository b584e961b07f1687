/** Receives a file from a peer: drives the pure `Receiver` from callbacks; a fiber writes the received blocks. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Netascii from "../protocol/Netascii.ts"
import * as Packet from "../protocol/Packet.ts"
import type * as Store from "../store/Store.ts"
import * as TftpError from "../TftpError.ts"
import * as Receiver from "./Receiver.ts"
import * as RetransmissionTimer from "./RetransmissionTimer.ts"
import * as Transfer from "./Transfer.ts"
import * as WriteBuffer from "./WriteBuffer.ts"

/** The file to write, and the options of the transfer. */
export interface Options extends Transfer.CommonOptions {
  readonly writable: Store.Writable
  /** True to learn from the sender which number follows block 65,535, if no option agreed on it. */
  readonly learnRollover: boolean
}

/** A transfer from the peer; after its end it may have to acknowledge the last block again. */
export interface ReceiveTransfer extends Transfer.Transfer {
  /** Waits as long as the peer may resend the last block because the final ACK was lost (RFC 1350, section 6). */
  readonly dally: Effect.Effect<void>
}

/** Above this number of unwritten bytes, the ACK is delayed. */
const maxUnwrittenBytes = 256 * 1_024

/** The sender's timer should expire first: an unneeded ACK within a window makes it send blocks twice. */
const timeoutFactor = 2

/** Makes a transfer from the peer; `run` starts it. */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<ReceiveTransfer, never, Scope.Scope> {
  const { agreed, initialPacket, mode, send, maxUnvalidatedPackets, writable } = options
  const { blksize, rollover, tsize, windowsize } = agreed
  const completion = Transfer.makeCompletion(send)
  const decoder = mode === "netascii" ? Netascii.decoder() : undefined
  const writeBuffer = WriteBuffer.make(writable.write, tsize)
  let state = Receiver.start({ blksize, windowsize, rollover: options.learnRollover ? undefined : rollover, tsize })
  /** Blocks received out of order, by their number on the wire; `Receiver` limits them. */
  const outOfOrder = new Map<number, Uint8Array>()
  let handshakeDone = false
  let resent = 0
  /** The time of the ACK that the next block replies to; undefined if the ACK was sent twice. */
  let ackSentAt: number | undefined
  /** True while an ACK waits for bytes to be written. */
  let isAckDelayed = false
  let isCommitted = false

  const acknowledge = () => {
    isAckDelayed = false
    ackSentAt = timer.now()
    send(Packet.ack(Receiver.ackNumber(state)))
  }
  const resend = () => {
    resent++
    ackSentAt = undefined
    send(handshakeDone || initialPacket === undefined ? Packet.ack(Receiver.ackNumber(state)) : initialPacket)
  }
  const timer: RetransmissionTimer.RetransmissionTimer = yield* RetransmissionTimer.make({
    ...options,
    timeoutFactor,
    maxUnvalidatedPackets,
    onTimeout: () => {
      // No block is awaited: the local file is slow.
      if (isAckDelayed || state.done) return timer.reset()
      state = Receiver.timedOut(state)
      resend()
    },
    onGiveUp: (attempts) => {
      if (isAckDelayed || state.done) return timer.reset()
      completion.fail(new TftpError.Timeout({ attempts, lastAckMissing: false }))
    }
  })

  const onNewBlock = () => {
    handshakeDone = true
    timer.markValidated()
    timer.reset()
  }
  const buffer = (bytes: Uint8Array) => {
    onNewBlock()
    outOfOrder.set(Packet.wireBlock(bytes), bytes.slice(4))
  }
  const append = (block: Uint8Array) => writeBuffer.append(decoder === undefined ? block : decoder.push(block))
  /** Delivers a block, and the blocks after it that were received earlier, up to `state.received`. */
  const deliver = (bytes: Uint8Array, received: number) => {
    onNewBlock()
    append(bytes.subarray(4))
    for (let block = received + 2; block <= state.received; block++) {
      const wire = Receiver.toWire(state, block)
      append(outOfOrder.get(wire)!)
      outOfOrder.delete(wire)
      ackSentAt = undefined
    }
    if (ackSentAt === undefined) return
    timer.addRttSample(timer.now() - ackSentAt)
    ackSentAt = undefined
  }
  const finish = () => {
    outOfOrder.clear()
    if (!Receiver.sizeMatches(state)) {
      return completion.fail(new TftpError.SizeMismatch({ announced: tsize!, received: state.bytes }))
    }
    if (decoder !== undefined) writeBuffer.append(decoder.end())
    writeBuffer.end()
  }
  const onData = (bytes: Uint8Array) => {
    // The disk is behind by more than a window: drop the block; the sender will resend it.
    if (writeBuffer.buffered() > maxUnwrittenBytes + windowsize * blksize) return
    const { received } = state
    const [next, action] = Receiver.data(state, Packet.wireBlock(bytes), bytes.length - 4)
    state = next
    switch (action) {
      case "Deliver":
        return deliver(bytes, received)
      case "DeliverAndAck":
        deliver(bytes, received)
        if (writeBuffer.buffered() > maxUnwrittenBytes) isAckDelayed = true
        else acknowledge()
        return
      case "DeliverLast":
        deliver(bytes, received)
        return finish()
      case "Buffer":
        return buffer(bytes)
      case "BufferAndAck":
        buffer(bytes)
        if (!isAckDelayed) resend()
        return
      case "Ack":
        // The last block is not acknowledged before the file is committed.
        if (!isAckDelayed && (!state.done || isCommitted)) resend()
        return
      case "TooLong": {
        const detail = `DATA too long: ${bytes.length - 4} bytes (at most ${blksize} were agreed on)`
        return completion.fail(new TftpError.ProtocolViolation({ code: Packet.ErrorCode.IllegalOperation, detail }))
      }
    }
  }
  const onWritten = () => {
    if (isAckDelayed && writeBuffer.buffered() <= maxUnwrittenBytes) acknowledge()
  }
  const writeFile = Effect.gen(function* () {
    yield* writeBuffer.drain(onWritten)
    yield* writable.commit
    isCommitted = true
    completion.succeed()
    return yield* Effect.never
  })
  const summary = (): Transfer.Summary => ({ bytes: state.bytes, resent, rtt: timer.rtt(), blksize, windowsize })
  return {
    receive: (bytes) => {
      const opcode = Packet.opcode(bytes)
      if (opcode === Packet.Opcode.DATA && bytes.length >= 4) {
        if (!completion.isDone() || isCommitted) onData(bytes)
      } else if (completion.isDone()) return
      else if (opcode === Packet.Opcode.ERROR) completion.failFromPacket(bytes)
      else if (opcode === Packet.Opcode.OACK && !handshakeDone) resend()
    },
    summary,
    handshakeDone: () => handshakeDone,
    dally: Effect.suspend(() => Effect.sleep(Transfer.dallyMillis(timer))),
    run: Effect.suspend(() => {
      if (initialPacket !== undefined) {
        ackSentAt = timer.now()
        send(initialPacket)
      }
      return Effect.map(completion.runUntilDone([Effect.mapError(writeFile, Transfer.fileError)]), () => {
        send(Packet.ack(Receiver.ackNumber(state)))
        return summary()
      })
    })
  }
})
