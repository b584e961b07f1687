/** Framed messages over a connection, with backpressure in both directions. */
import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import * as Latch from "effect/Latch"
import type * as Pull from "effect/Pull"
import type { Connection, NetworkError } from "../../network/Network.ts"
import * as Protocol from "./Protocol.ts"

/** One end of a connection. */
export interface MessageChannel {
  /** Waits for the next messages; `Done` when the peer sends no more. For one fiber at a time. */
  readonly pull: Pull.Pull<ReadonlyArray<Protocol.Message>, NetworkError | Protocol.ProtocolError>
  /** Waits for the next message. */
  readonly next: Pull.Pull<Protocol.Message, NetworkError | Protocol.ProtocolError>
  /** Queues frames, which are sent in this order. */
  readonly send: (frames: ReadonlyArray<Uint8Array>) => void
  /** Writes queued frames until the connection fails. */
  readonly flushing: Effect.Effect<never, NetworkError>
  /**
   * Waits while too many bytes are queued. A side that waits for this before it reads holds back a peer that does not.
   */
  readonly writable: Effect.Effect<void>
  /** Sets the limits for received frames. */
  readonly setLimits: (limits: Protocol.Limits) => void
}

/** Queued bytes above which `writable` waits. */
const highWaterMarkBytes = 1 << 18

/**
 * Reads the first `length` bytes, and what arrived with them as `rest`; `Done` if the stream ends before. Fails if they
 * do not arrive within `timeoutMillis` of the first one.
 */
export const readHead = Effect.fnUntraced(function* (
  connection: Pick<Connection, "pull">,
  length: number,
  timeoutMillis: number
) {
  const first = yield* connection.pull
  const readRest = Effect.gen(function* () {
    let bytes = first
    while (bytes.length < length) bytes = Bytes.concat([bytes, yield* connection.pull])
    return bytes
  })
  const bytes =
    first.length >= length
      ? first
      : yield* Effect.timeoutOrElse(readRest, {
          duration: timeoutMillis,
          orElse: () => Effect.fail(timedOut(timeoutMillis))
        })
  return { head: bytes.subarray(0, length), rest: bytes.subarray(length) }
})

/**
 * Makes a channel on a connection from which `rest` has been read already. `onBytes` runs when bytes arrive: a long
 * packet shows that its sender is well before it is complete.
 */
export const make = (
  connection: Pick<Connection, "pull" | "write">,
  rest: Uint8Array,
  onBytes: () => void = constVoid
): MessageChannel => {
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
  const batch = Effect.flatMap(read, (chunk) => {
    onBytes()
    return Effect.fromResult(decoder.push(chunk))
  })
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
    setLimits: decoder.setLimits
  }
}

const unexpected = (detail: string) => new Protocol.ProtocolError({ reason: new Protocol.Unexpected({ detail }) })

/** Makes the error for a peer that sent nothing for a time. */
export const timedOut = (millis: number) => new Protocol.ProtocolError({ reason: new Protocol.Timeout({ millis }) })

/** Makes the error for a message that is not allowed in this state. */
export const unexpectedMessage = (message: Protocol.Message) => unexpected(`unexpected ${message._tag} message`)

/** Makes the error for an id that is unknown, or in use. */
export const invalidId = (id: number, detail: string) => unexpected(`packet ${id}: ${detail}`)

/** Fails because the peer has closed the connection. */
export const connectionEnded = (detail: string) => () => Effect.fail(unexpected(detail))
