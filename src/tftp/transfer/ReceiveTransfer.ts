/** Receives a file from a peer: `Receiver` on a socket. Blocks are kept in callbacks; a fiber writes them. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Netascii from "../protocol/Netascii.ts"
import * as Packet from "../protocol/Packet.ts"
import type * as FileStore from "../store/FileStore.ts"
import * as TftpError from "../TftpError.ts"
import * as Receiver from "./Receiver.ts"
import * as RetransmissionTimer from "./RetransmissionTimer.ts"
import * as Transfer from "./Transfer.ts"
import * as WriteBuffer from "./WriteBuffer.ts"

/** Where the bytes go, and how they come. */
export interface Options extends Transfer.Common {
  readonly writable: FileStore.Writable
  /** Learn how block numbers roll over, where that was not agreed. */
  readonly anyRollover: boolean
}

/** A transfer from the peer, which may have to answer the last block once more after it has ended. */
export interface Receiving extends Transfer.Transfer {
  /** Stays for as long as the peer may not have heard of the end (RFC 1350, 6). */
  readonly dally: Effect.Effect<void>
}

/** More than so many bytes that are not written yet hold the acknowledgement back. */
const most = 256 * 1_024

/** The sender's timer comes first: mid-window an acknowledgement in vain makes it send twice. */
const slack = 2

/** A transfer from the peer; it begins with `run`. */
export const make = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Receiving, never, Scope.Scope> {
  const { agreed, greeting, mode, send, unproven, writable } = options
  const { blksize, rollover, tsize, windowsize } = agreed
  const ending = Transfer.makeEnding(send)
  const decoder = mode === "netascii" ? Netascii.decoder() : undefined
  const spool = WriteBuffer.make(writable.write, tsize)
  let state = Receiver.start({ blksize, windowsize, rollover: options.anyRollover ? undefined : rollover, tsize })
  /** Blocks that came early, by their number on the wire: `Receiver` says how many there may be. */
  const early = new Map<number, Uint8Array>()
  let greeted = false
  let resent = 0
  /** When the acknowledgement went that the next block answers; undefined if it went twice. */
  let ackedAt: number | undefined
  /** An acknowledgement is held back until more is written. */
  let held = false
  let committed = false

  const acknowledge = () => {
    held = false
    ackedAt = patience.now()
    send(Packet.ack(Receiver.ackNumber(state)))
  }
  const repeat = () => {
    resent++
    ackedAt = undefined
    send(greeted || greeting === undefined ? Packet.ack(Receiver.ackNumber(state)) : greeting)
  }
  const patience: RetransmissionTimer.Patience = yield* RetransmissionTimer.make({
    ...options,
    slack,
    unproven,
    again: () => {
      // Nothing is waited for but our own file.
      if (held || state.done) return patience.moved()
      state = Receiver.timedOut(state)
      repeat()
    },
    giveUp: (attempts) => {
      if (held || state.done) return patience.moved()
      ending.fail(new TftpError.Silent({ attempts, last: false }))
    }
  })

  const heard = () => {
    greeted = true
    patience.proven()
    patience.moved()
  }
  const hold = (bytes: Uint8Array) => {
    heard()
    early.set(Packet.wireBlock(bytes), bytes.slice(4))
  }
  const add = (block: Uint8Array) => spool.add(decoder === undefined ? block : decoder.push(block))
  /** Keeps a block and those that were waiting for it, up to what `state` says is in order. */
  const keep = (bytes: Uint8Array, received: number) => {
    heard()
    add(bytes.subarray(4))
    for (let block = received + 2; block <= state.received; block++) {
      const wire = Receiver.toWire(state, block)
      add(early.get(wire)!)
      early.delete(wire)
      ackedAt = undefined
    }
    if (ackedAt === undefined) return
    patience.observe(patience.now() - ackedAt)
    ackedAt = undefined
  }
  const finish = () => {
    early.clear()
    if (!Receiver.sizeMatches(state)) {
      return ending.fail(new TftpError.SizeDiffers({ announced: tsize!, received: state.bytes }))
    }
    if (decoder !== undefined) spool.add(decoder.end())
    spool.end()
  }
  const take = (bytes: Uint8Array) => {
    // The disk is behind by more than a window: what does not fit is lost, and will come again.
    if (spool.held() > most + windowsize * blksize) return
    const { received } = state
    const [next, action] = Receiver.data(state, Packet.wireBlock(bytes), bytes.length - 4)
    state = next
    switch (action) {
      case "Keep":
        return keep(bytes, received)
      case "KeepAck":
        keep(bytes, received)
        if (spool.held() > most) held = true
        else acknowledge()
        return
      case "Last":
        keep(bytes, received)
        return finish()
      case "Hold":
        return hold(bytes)
      case "HoldAck":
        hold(bytes)
        if (!held) repeat()
        return
      case "Ack":
        // What is not safe yet is not acknowledged.
        if (!held && (!state.done || committed)) repeat()
        return
      case "TooLong": {
        const detail = `a block has at most ${blksize} bytes, not ${bytes.length - 4}`
        return ending.fail(new TftpError.Illegal({ code: Packet.ErrorCode.IllegalOperation, detail }))
      }
    }
  }
  const written = () => {
    if (held && spool.held() <= most) acknowledge()
  }
  const store = Effect.gen(function* () {
    yield* spool.run(written)
    yield* writable.commit
    committed = true
    ending.succeed()
    return yield* Effect.never
  })
  const summary = (): Transfer.Summary => ({ bytes: state.bytes, resent, rtt: patience.rtt(), blksize, windowsize })
  return {
    receive: (bytes) => {
      const opcode = Packet.opcode(bytes)
      if (opcode === Packet.Opcode.DATA && bytes.length >= 4) {
        if (!ending.over() || committed) take(bytes)
      } else if (ending.over()) return
      else if (opcode === Packet.Opcode.ERROR) ending.refused(bytes)
      else if (opcode === Packet.Opcode.OACK && !greeted) repeat()
    },
    summary,
    greeted: () => greeted,
    dally: Effect.suspend(() => Effect.sleep(Transfer.dallyMillis(patience))),
    run: Effect.suspend(() => {
      if (greeting !== undefined) {
        ackedAt = patience.now()
        send(greeting)
      }
      return Effect.map(ending.during([Effect.mapError(store, Transfer.fileError)]), () => {
        send(Packet.ack(Receiver.ackNumber(state)))
        return summary()
      })
    })
  }
})
