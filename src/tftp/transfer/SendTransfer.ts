/** Sends a file to a peer: `Sender` on a socket. From packet to packet no fiber is woken. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Signal from "../../network/Signal.ts"
import * as Packet from "../protocol/Packet.ts"
import type * as FileStore from "../store/FileStore.ts"
import * as TftpError from "../TftpError.ts"
import * as BlockSource from "./BlockSource.ts"
import * as RetransmissionTimer from "./RetransmissionTimer.ts"
import * as Sender from "./Sender.ts"
import * as Transfer from "./Transfer.ts"

/** What is sent, and how. */
export interface Options extends Transfer.Common {
  readonly readable: Pick<FileStore.Readable, "body" | "size">
  /** For errors. */
  readonly filename: string
}

/** Bursts are apart by this part of a round trip. */
const pauses = 1 / 4

/** A pause shorter than that, in milliseconds, is one turn of the event loop. */
const shortest = 1

/** A transfer to the peer; it begins with `run`. */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Transfer.Transfer, never, Scope.Scope> {
  const { agreed, greeting, send, unproven } = options
  const { blksize, rollover, windowsize } = agreed
  const source = BlockSource.make(options.readable, {
    blksize,
    windowsize,
    mode: options.mode,
    filename: options.filename,
    isAlone: options.isAlone
  })
  const ending = Transfer.makeEnding(send)
  const rest = Signal.make()
  const room = new Uint8Array(4 + blksize)
  let state = Sender.start(agreed)
  let greeted = greeting === undefined
  let greetings = 0
  let greetedAt = 0
  let lastLength = 0

  /** Nothing is waited for but our own file. */
  const isIdle = () => greeted && state.acked === state.next - 1

  const again = () => {
    if (isIdle()) return patience.moved()
    if (!greeted) return greet()
    state = Sender.timedOut(state)
    pump()
  }
  const giveUp = (attempts: number) => {
    if (isIdle()) return patience.moved()
    ending.fail(new TftpError.Silent({ attempts, last: state.next > state.last }))
  }
  const patience = yield* RetransmissionTimer.make({
    ...options,
    slack: 1,
    unproven,
    again,
    giveUp
  })

  const greet = () => {
    greetings++
    greetedAt = patience.now()
    send(greeting!)
  }
  /**
   * A full block lies in the same bytes as the one before: if the kernel should still hold that one back, it sends the
   * newer block in its place, which the protocol takes as a loss. The last block is shorter and has its own.
   */
  const post = (block: number) => {
    const packet = source.take(block, room)
    if (packet === undefined) return false
    const wire = Sender.toWire(rollover, block)
    packet[0] = 0
    packet[1] = Packet.Opcode.DATA
    packet[2] = wire >> 8
    packet[3] = wire
    if (packet.length === room.length) send(packet)
    else {
      lastLength = packet.length - 4
      send(packet.slice())
    }
    return true
  }
  const pump = () => {
    if (!greeted || ending.over()) return
    const last = source.last()
    if (last !== state.last) state = Sender.finish(state, last)
    while (state.next <= Sender.limit(state)) {
      if (Sender.pause(state)) return rest.ring()
      if (!post(state.next)) return
      state = Sender.sent(state, patience.now())
    }
  }
  const acknowledged = (wire: number) => {
    if (!greeted) {
      if (wire !== 0) return
      greeted = true
      // Which of several greetings it answers cannot be told (Karn's rule).
      if (greetings === 1) patience.observe(patience.now() - greetedAt)
    } else {
      const [next, verdict] = Sender.ack(state, wire, patience.now(), patience.rtt())
      if (verdict._tag === "Ignored") return
      state = next
      if (verdict._tag === "Progress" && verdict.sample !== undefined) patience.observe(verdict.sample)
      if (verdict._tag === "Done") return ending.succeed()
      source.release(state.acked)
    }
    patience.proven()
    patience.moved()
    pump()
  }
  const pacer = Effect.forever(
    Effect.gen(function* () {
      yield* rest.wait
      const pause = (patience.rtt()?.smoothed ?? 0) * pauses
      yield* pause < shortest ? Effect.yieldNow : Effect.sleep(pause)
      if (!Sender.pause(state)) return
      state = Sender.resume(state)
      pump()
    })
  )
  const summary = (): Transfer.Summary => ({
    bytes: state.acked === state.last ? (state.last - 1) * blksize + lastLength : state.acked * blksize,
    resent: state.resent + Math.max(0, greetings - 1),
    rtt: patience.rtt(),
    blksize,
    windowsize
  })
  return {
    receive: (bytes) => {
      if (ending.over()) return
      const opcode = Packet.opcode(bytes)
      if (opcode === Packet.Opcode.ACK && bytes.length >= 4) acknowledged(Packet.wireBlock(bytes))
      else if (opcode === Packet.Opcode.ERROR) ending.refused(bytes)
    },
    summary,
    greeted: () => greeted,
    run: Effect.suspend(() => {
      if (greeted) pump()
      else greet()
      return Effect.map(ending.during([Effect.mapError(source.run(pump), Transfer.fileError), pacer]), summary)
    })
  }
})
