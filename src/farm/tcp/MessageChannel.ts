/** Messages over a connection: those that come, one batch after the other, and those that wait to be sent. */
import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Pull from "effect/Pull"
import type { Connection, NetworkError } from "../../network/Network.ts"
import * as Protocol from "./Protocol.ts"

/** One side of a conversation. */
export interface MessageChannel {
  /** Waits for messages; `Done` when the other side sends no more. One fiber at a time. */
  readonly pull: Pull.Pull<ReadonlyArray<Protocol.Message>, NetworkError | Protocol.ProtocolError>
  /** Waits for one message. */
  readonly next: Pull.Pull<Protocol.Message, NetworkError | Protocol.ProtocolError>
  /** Puts frames on their way, soon and in this order. */
  readonly send: (frames: ReadonlyArray<Uint8Array>) => void
  /** Sends, until the connection fails. */
  readonly flushing: Effect.Effect<never, NetworkError>
  /** Waits until little waits to be sent: who asks before reading on holds back a peer that does not read. */
  readonly writable: Effect.Effect<void>
  /** Frames that come may be so long from now on. */
  readonly setMaxFrameBytes: (max: number) => void
}

/** So many bytes may wait to be sent before no more is read. */
const highWaterMarkBytes = 1 << 18

/** Waits for so many bytes; `Done` if they do not come. What came with them is the rest. */
export const readHead = Effect.fnUntraced(function* (connection: Pick<Connection, "pull">, length: number) {
  let bytes = yield* connection.pull
  while (bytes.length < length) bytes = Bytes.concat([bytes, yield* connection.pull])
  return { head: bytes.subarray(0, length), rest: bytes.subarray(length) }
})

/** Talks over a connection, on which `rest` has come already. */
export const make = (connection: Pick<Connection, "pull" | "write">, rest: Uint8Array): MessageChannel => {
  const decoder = Protocol.decoder()
  const hasOutput = Latch.makeUnsafe(false)
  const belowMark = Latch.makeUnsafe(true)
  let decoded: ReadonlyArray<Protocol.Message> = []
  let initialBytes: Uint8Array | undefined = rest
  let outgoing: Array<Uint8Array> = []
  let outgoingBytes = 0

  const read = Effect.suspend(() => {
    if (initialBytes === undefined) return connection.pull
    const before = initialBytes
    initialBytes = undefined
    return Effect.succeed(before)
  })
  const batch = Effect.flatMap(read, (chunk) => Effect.fromResult(decoder.push(chunk)))
  const pull: MessageChannel["pull"] = Effect.suspend(() => {
    const left = decoded
    decoded = []
    return left.length > 0
      ? Effect.succeed(left)
      : Effect.flatMap(batch, (all) => (all.length > 0 ? Effect.succeed(all) : pull))
  })
  const flush = Effect.suspend(() => {
    hasOutput.closeUnsafe()
    const all = Bytes.concat(outgoing)
    outgoing = []
    return Effect.map(connection.write(all), () => {
      outgoingBytes -= all.length
      if (outgoingBytes <= highWaterMarkBytes) belowMark.openUnsafe()
    })
  })
  return {
    pull,
    next: Effect.map(pull, ([message, ...others]) => {
      decoded = others
      return message!
    }),
    send: (frames) => {
      if (frames.length === 0) return
      for (const frame of frames) {
        outgoing.push(frame)
        outgoingBytes += frame.length
      }
      hasOutput.openUnsafe()
      if (outgoingBytes > highWaterMarkBytes) belowMark.closeUnsafe()
    },
    flushing: Effect.forever(Effect.andThen(hasOutput.await, flush), { disableYield: true }),
    writable: belowMark.await,
    setMaxFrameBytes: decoder.setMaxFrameBytes
  }
}

const unexpected = (detail: string) => new Protocol.ProtocolError({ reason: new Protocol.Unexpected({ detail }) })

/** Nothing was heard for so long. */
export const timedOut = (millis: number) => new Protocol.ProtocolError({ reason: new Protocol.Timeout({ millis }) })

/** A message that has no place here. */
export const unexpectedMessage = (message: Protocol.Message) => unexpected(`${message._tag} has no place here`)

/** An id that nobody knows, or that is known already. */
export const invalidId = (id: number, detail: string) => unexpected(`packet ${id}: ${detail}`)

/** The other side has ended the conversation. */
export const connectionEnded = (detail: string) => () => Effect.fail(unexpected(detail))
