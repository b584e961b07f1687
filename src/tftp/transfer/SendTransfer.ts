/**
 * Sends a file to a peer: performs the actions of `SendMachine`.
 *
 * Datagrams and timers are callbacks. A queue and a fiber would add 2.4 us of CPU time to each packet that arrives
 * alone, an eighth of the 19 us of lock-step (docs/benchmarks.md); the machine with its actions takes 0.2 us.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Signal from "../../network/Signal.ts"
import * as Packet from "../protocol/Packet.ts"
import type * as Store from "../store/Store.ts"
import { headerBytes } from "./BlockSource.ts"
import * as BlockSources from "./BlockSources.ts"
import * as RetransmissionTimer from "./RetransmissionTimer.ts"
import * as Sender from "./Sender.ts"
import * as SendMachine from "./SendMachine.ts"
import * as Transfer from "./Transfer.ts"

/** The file to send, and the options of the transfer. */
export interface Options extends Transfer.CommonOptions {
  readonly readable: Pick<Store.Readable, "body" | "size" | "unchanged">
  /** The name for error messages. */
  readonly filename: string
}

/** The pause between bursts, as a fraction of the round trip time. */
const pauseRttFraction = 1 / 4

/** A shorter pause is one turn of the event loop. */
const minPauseMillis = 1

/** Makes the blocks of the file, and `sendBlock`, which returns false if the block has not been read yet. */
const makeBlocks = ({ agreed, filename, memory, mode, readable, send }: Options) => {
  const { blksize, rollover, windowsize } = agreed
  const source = BlockSources.make(readable, { blksize, windowsize, mode, filename, memory })
  let packetBuffer: Uint8Array | undefined
  let lastBlockBytes = 0
  return {
    source,
    /** Returns the bytes of the blocks up to one that was sent. */
    bytesUpTo: (block: number) => (block === source.last() ? (block - 1) * blksize + lastBlockBytes : block * blksize),
    /**
     * Sends a block. All full blocks share one buffer: if the kernel still queues the previous packet, it sends the
     * newer block twice, which the protocol handles as a loss. The last block is shorter and has a buffer of its own.
     */
    sendBlock: (block: number) => {
      packetBuffer ??= new Uint8Array(headerBytes + blksize)
      const packet = source.take(block, packetBuffer)
      if (packet === undefined) return false
      const wire = Sender.toWire(rollover, block)
      packet[0] = 0
      packet[1] = Packet.Opcode.DATA
      packet[2] = wire >> 8
      packet[3] = wire
      if (packet.length === packetBuffer.length) send(packet)
      else {
        lastBlockBytes = packet.length - headerBytes
        send(packet.slice())
      }
      return true
    }
  }
}

/** Makes the blocks at the first use: a client that does not reply to the OACK needs none. */
const makeLazyBlocks = (options: Options) => {
  let made: ReturnType<typeof makeBlocks> | undefined
  return {
    blocks: () => {
      made ??= makeBlocks(options)
      return made
    },
    acknowledgedBytes: ({ sender }: SendMachine.State) => made?.bytesUpTo(sender.highAck) ?? 0
  }
}

/** Waits for each pause between two bursts, and calls `onEnd` after it. */
const runPauses = (due: Signal.Signal, timer: RetransmissionTimer.RetransmissionTimer, onEnd: () => void) =>
  Effect.forever(
    Effect.gen(function* () {
      yield* due.wait
      const pause = (timer.rtt()?.smoothed ?? 0) * pauseRttFraction
      yield* pause < minPauseMillis ? Effect.yieldNow : Effect.sleep(pause)
      onEnd()
    })
  )

/**
 * Makes a gate before the file. A closed one opens at the first reply, or at the end: until then the transfer has no
 * fiber of its own and reads nothing, so that silent clients take little memory.
 */
const makeReplyGate = (isOpenFromStart: boolean) => {
  const replied = Signal.make()
  let isOpen = isOpenFromStart
  return {
    open: () => {
      if (isOpen) return
      isOpen = true
      replied.notify()
    },
    opened: Effect.suspend(() => (isOpen ? Effect.void : replied.wait))
  }
}

const summaryOf = (
  { initialPacketsSent, sender }: SendMachine.State,
  bytes: number,
  malformed: number,
  timer: RetransmissionTimer.RetransmissionTimer,
  { blksize, windowsize }: Options["agreed"]
): Transfer.Summary => ({
  bytes,
  resent: sender.resent + Math.max(0, initialPacketsSent - 1),
  malformed,
  rtt: timer.rtt(),
  blksize,
  windowsize
})

/** Makes a transfer to the peer; `run` starts it. */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Transfer.Transfer, never, Scope.Scope> {
  const { agreed, initialPacket, send } = options
  const { acknowledgedBytes, blocks } = makeLazyBlocks(options)
  const pauseDue = Signal.make()
  const reading = makeReplyGate(options.memory !== "least" || initialPacket === undefined)
  const completion = Transfer.makeCompletion(send, reading.open)
  let state = SendMachine.start(agreed, initialPacket !== undefined)
  let malformed = 0

  const dispatch = (event: SendMachine.Event) => {
    if (completion.isDone()) return
    const [next, actions] = SendMachine.step(state, event)
    state = next
    for (const action of actions) perform(action)
  }
  const timer = yield* RetransmissionTimer.make({
    ...options,
    onTimeout: () => dispatch({ _tag: "Timeout", at: timer.now() }),
    onGiveUp: (attempts) => dispatch({ _tag: "GaveUp", attempts, acknowledgedBytes: acknowledgedBytes(state) })
  })
  const sendBlocks = () => {
    const { sendBlock, source } = blocks()
    state = SendMachine.finish(state, source.last())
    for (;;) {
      const block = SendMachine.nextBlock(state)
      if (block === undefined || !sendBlock(block)) break
      state = SendMachine.sent(state, timer.now())
    }
    if (SendMachine.shouldPause(state)) pauseDue.notify()
  }
  const perform = (action: SendMachine.Action) => {
    switch (action._tag) {
      case "SendInitialPacket":
        return send(initialPacket!)
      case "SendBlocks":
        return sendBlocks()
      case "Advance":
        timer.onReply()
        reading.open()
        return blocks().source.release(action.highAck)
      case "AddRttSample":
        return timer.addRttSample(action.millis)
      case "ResetTimer":
        return timer.reset()
      case "Succeed":
        return completion.succeed()
      case "Fail":
        return completion.fail(action.reason)
    }
  }
  const summary = () => summaryOf(state, acknowledgedBytes(state), malformed, timer, agreed)
  return {
    receive: (bytes) => {
      if (completion.isDone()) return
      const opcode = Packet.opcode(bytes)
      if (opcode === Packet.Opcode.ACK && bytes.length >= headerBytes) {
        dispatch({ _tag: "Ack", wire: Packet.wireBlock(bytes), at: timer.now(), rtt: timer.rtt() })
      } else if (opcode === Packet.Opcode.ERROR && bytes.length >= headerBytes) completion.failFromPacket(bytes)
      // A client that writes gets the OACK again if its first block was lost.
      else if (opcode !== Packet.Opcode.OACK) malformed++
    },
    summary,
    handshakeDone: () => state.phase !== "Handshake",
    run: Effect.suspend(() => {
      dispatch({ _tag: "Start", at: timer.now() })
      const readFile = Effect.mapError(
        Effect.suspend(() => blocks().source.run(() => dispatch({ _tag: "BlocksRead" }))),
        Transfer.fileError
      )
      const pauses = runPauses(pauseDue, timer, () => dispatch({ _tag: "PauseEnded" }))
      // Lock-step has no pauses.
      const work = agreed.windowsize === 1 ? [readFile] : [readFile, pauses]
      return Effect.map(completion.runUntilDone(work, reading.opened), summary)
    })
  }
})
