/**
 * Receives a file from a peer: performs the actions of `ReceiveMachine`. A fiber writes the received blocks.
 *
 * Datagrams and timers are callbacks. A queue and a fiber would add 2.4 us of CPU time to each packet that arrives
 * alone, an eighth of the 19 us of lock-step (docs/benchmarks.md); the machine with its actions takes 0.2 us.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Netascii from "../protocol/Netascii.ts"
import * as Packet from "../protocol/Packet.ts"
import { FileStoreError, TooLarge } from "../store/FileStoreError.ts"
import type * as Store from "../store/Store.ts"
import * as TftpError from "../TftpError.ts"
import { headerBytes } from "./BlockSource.ts"
import * as ReceiveMachine from "./ReceiveMachine.ts"
import * as Retransmission from "./Retransmission.ts"
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

/**
 * Returns the policy of a receiver by that of its sender. The sender's timer should expire first: an unneeded ACK
 * within a window makes it send blocks twice.
 */
export const retransmissionOf = (ofSender: Retransmission.Retransmission): Retransmission.Retransmission =>
  Retransmission.scale(ofSender, { factor: 2 })

/** Makes the output of received blocks: those received out of order wait in memory, the others in a write buffer. */
const makeOutput = ({ agreed, mode, writable }: Options) => {
  const { maxBytes = Number.POSITIVE_INFINITY } = writable
  const decoder = mode === "netascii" ? Netascii.decoder() : undefined
  const writeBuffer = WriteBuffer.make(writable.write, agreed.tsize)
  /** Blocks received out of order, by their number on the wire; `Receiver` limits them. */
  const outOfOrder = new Map<number, Uint8Array>()
  let fileBytes = 0
  const write = (bytes: Uint8Array) => {
    fileBytes += bytes.length
    writeBuffer.append(bytes)
  }
  const append = (block: Uint8Array) => write(decoder === undefined ? block : decoder.push(block))
  return {
    /** Returns the error of a file above its limit. The bytes before may still wait for the disk. */
    tooLarge: () =>
      fileBytes > maxBytes
        ? new TftpError.File({ cause: new FileStoreError({ reason: new TooLarge({ limit: maxBytes, of: "File" }) }) })
        : undefined,
    unwrittenBytes: writeBuffer.buffered,
    drain: writeBuffer.drain,
    /** Buffers a block, or writes it with those buffered before. */
    accept: (action: Extract<ReceiveMachine.Action, { readonly _tag: "Deliver" | "Buffer" }>, datagram: Uint8Array) => {
      const block = datagram.subarray(headerBytes)
      if (action._tag === "Buffer") return void outOfOrder.set(Packet.wireBlock(datagram), block.slice())
      append(block)
      for (const wire of action.buffered) {
        append(outOfOrder.get(wire)!)
        outOfOrder.delete(wire)
      }
    },
    end: () => {
      outOfOrder.clear()
      if (decoder !== undefined) write(decoder.end())
      writeBuffer.end()
    }
  }
}

/** Returns the event of a datagram; undefined for an ERROR and for a malformed one. */
const eventOf = (datagram: Uint8Array, unwrittenBytes: number, at: number): ReceiveMachine.Event | undefined => {
  const opcode = Packet.opcode(datagram)
  if (opcode === Packet.Opcode.OACK) return { _tag: "OptionAck" }
  if (opcode !== Packet.Opcode.DATA || datagram.length < headerBytes) return undefined
  const length = datagram.length - headerBytes
  return { _tag: "Data", wire: Packet.wireBlock(datagram), length, unwrittenBytes, at }
}

const noDatagram: Uint8Array = new Uint8Array(0)

/** Makes a transfer from the peer; `run` starts it. */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<ReceiveTransfer, never, Scope.Scope> {
  const { agreed, initialPacket = Packet.ack(0), send, writable } = options
  const completion = Transfer.makeCompletion(send)
  const output = makeOutput(options)
  let malformed = 0
  let state = ReceiveMachine.start({ ...agreed, rollover: options.learnRollover ? undefined : agreed.rollover })

  const dispatch = (event: ReceiveMachine.Event, datagram = noDatagram) => {
    if (completion.isDone() && state.phase !== "Dallying") return
    const [next, actions] = ReceiveMachine.step(state, event)
    state = next
    for (const action of actions) {
      perform(action, datagram)
      const tooLarge = output.tooLarge()
      if (tooLarge !== undefined) return completion.fail(tooLarge)
    }
  }
  const timer = yield* RetransmissionTimer.make({
    ...options,
    onTimeout: () => dispatch({ _tag: "Timeout" }),
    onGiveUp: (attempts) => dispatch({ _tag: "GaveUp", attempts })
  })
  const perform = (action: ReceiveMachine.Action, datagram: Uint8Array) => {
    switch (action._tag) {
      case "SendInitialPacket":
        return send(initialPacket)
      case "SendAck":
        return send(Packet.ack(action.wire))
      case "Deliver":
      case "Buffer":
        timer.onReply()
        return output.accept(action, datagram)
      case "AddRttSample":
        return timer.addRttSample(action.millis)
      case "ResetTimer":
        return timer.reset()
      case "EndFile":
        return output.end()
      case "CountMalformed":
        malformed++
        return
      case "Succeed":
        return completion.succeed()
      case "Fail":
        return completion.fail(action.reason)
    }
  }
  const writeFile = Effect.gen(function* () {
    yield* output.drain(() => dispatch({ _tag: "Written", unwrittenBytes: output.unwrittenBytes(), at: timer.now() }))
    yield* writable.commit
    dispatch({ _tag: "Committed" })
    return yield* Effect.never
  })
  const summary = (): Transfer.Summary => ({
    bytes: state.receiver.bytes,
    resent: state.resent,
    malformed,
    rtt: timer.rtt(),
    blksize: agreed.blksize,
    windowsize: agreed.windowsize
  })
  return {
    receive: (bytes) => {
      const event = eventOf(bytes, output.unwrittenBytes(), timer.now())
      if (event !== undefined) return dispatch(event, bytes)
      if (completion.isDone()) return
      if (Packet.opcode(bytes) === Packet.Opcode.ERROR && bytes.length >= headerBytes) completion.failFromPacket(bytes)
      else malformed++
    },
    summary,
    handshakeDone: () => state.phase !== "Handshake",
    dally: Effect.suspend(() => Effect.sleep(Transfer.dallyMillis(timer))),
    run: Effect.suspend(() => {
      if (options.initialPacket !== undefined) dispatch({ _tag: "Start", at: timer.now() })
      return Effect.map(completion.runUntilDone([Effect.mapError(writeFile, Transfer.fileError)]), summary)
    })
  }
})
