/** Receives a file from a peer: `Receiver` on a socket. Blocks are kept in callbacks; a fiber writes them. */
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

/** Where the bytes go, and how they come. */
export interface Options extends Transfer.CommonOptions {
  readonly writable: Store.Writable
  /** Learn how block numbers roll over, where that was not agreed. */
  readonly learnRollover: boolean
}

/** A transfer from the peer, which may have to answer the last block once more after it has ended. */
export interface ReceiveTransfer extends Transfer.Transfer {
  /** Stays for as long as the peer may not have heard of the end (RFC 1350, 6). */
  readonly dally: Effect.Effect<void>
}

/** More than so many bytes that are not written yet hold the acknowledgement back. */
const maxUnwrittenBytes = 256 * 1_024

/** The sender's timer comes first: mid-window an acknowledgement in vain makes it send twice. */
const timeoutFactor = 2

/** A transfer from the peer; it begins with `run`. */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<ReceiveTransfer, never, Scope.Scope> {
  const { agreed, initialPacket, mode, send, maxUnvalidatedPackets, writable } = options
  const { blksize, rollover, tsize, windowsize } = agreed
  const completion = Transfer.makeCompletion(send)
  const decoder = mode === "netascii" ? Netascii.decoder() : undefined
  const writeBuffer = WriteBuffer.make(writable.write, tsize)
  let state = Receiver.start({ blksize, windowsize, rollover: options.learnRollover ? undefined : rollover, tsize })
  /** Blocks that came early, by their number on the wire: `Receiver` says how many there may be. */
  const outOfOrder = new Map<number, Uint8Array>()
  let handshakeDone = false
  let resent = 0
  /** When the acknowledgement went that the next block answers; undefined if it went twice. */
  let ackSentAt: number | undefined
  /** An acknowledgement is held back until more is written. */
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
      // Nothing is waited for but our own file.
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
  /** Keeps a block and those that were waiting for it, up to what `state` says is in order. */
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
    // The disk is behind by more than a window: what does not fit is lost, and will come again.
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
        // What is not safe yet is not acknowledged.
        if (!isAckDelayed && (!state.done || isCommitted)) resend()
        return
      case "TooLong": {
        const detail = `a block has at most ${blksize} bytes, not ${bytes.length - 4}`
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
