/** Framed messages over a connection, with backpressure in both directions. */
import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import * as Latch from "effect/Latch"
import type * as Pull from "effect/Pull"
import type { Connection, NetworkError } from "../../../network/Network.ts"
import * as Protocol from "./Protocol.ts"
import { Closed, ProtocolError, Timeout, Unexpected } from "./ProtocolError.ts"
import type { ByteStream } from "./SealedConnection.ts"

/** One end of a connection. Its messages are pulled by one fiber at a time. */
export interface MessageChannel {
  /** Waits for the next messages; `Done` when the peer sends no more. */
  readonly pull: Pull.Pull<ReadonlyArray<Protocol.Message>, NetworkError | ProtocolError>
  /** Waits for the next message, and decodes none after it: `seal` and `setLimits` concern those. */
  readonly next: Pull.Pull<Protocol.Message, NetworkError | ProtocolError>
  /** Queues frames, which are sent in this order, and must not be changed. */
  readonly send: (frames: ReadonlyArray<Uint8Array>) => void
  /** True while frames are queued or being written. */
  readonly isSending: () => boolean
  /** Writes queued frames until the connection fails. */
  readonly flushing: Effect.Effect<never, NetworkError>
  /**
   * Writes a frame at once, before the queue. Not while `flushing` runs. Does nothing after an interrupted write: the
   * peer would receive the frame in place of lost bytes.
   */
  readonly write: (frame: Uint8Array) => Effect.Effect<void, NetworkError>
  /**
   * Waits while too many bytes are queued. A side that waits for this before it reads holds back a peer that does not;
   * only one side may do so, else both wait for each other.
   */
  readonly writable: Effect.Effect<void>
  /** False while `writable` waits. */
  readonly isWritable: () => boolean
  /** Replaces the bytes of the connection for everything that follows: `seal` gets those that were read already. */
  readonly replace: (
    seal: (connection: ByteStream, unread: Uint8Array) => Effect.Effect<ByteStream>
  ) => Effect.Effect<void>
  /** Sets the limits for the messages that follow. */
  readonly setLimits: (limits: Protocol.Limits) => void
}

/** Queued bytes above which `writable` waits, and at which a write begins without those that follow. */
const highWaterMarkBytes = 1 << 18

/** The bytes of a buffer that is written alone: its copy would cost more than a write. */
const minUncopiedBytes = 1 << 14

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

const none = new Uint8Array(0)

/** Frames that wait to be written. */
const makeQueue = () => {
  const frames: Array<Uint8Array> = []
  let bytes = 0
  return {
    isEmpty: () => frames.length === 0,
    /** Returns true while too many bytes wait or are being written. */
    isAboveMark: () => bytes > highWaterMarkBytes,
    add: (frame: Uint8Array) => {
      frames.push(frame)
      bytes += frame.length
    },
    /** Takes the next bytes to write: a long frame, or short ones together. */
    take: () => {
      const [first = none] = frames
      if (first.length >= minUncopiedBytes) return frames.shift()!
      let count = 0
      let length = 0
      for (const frame of frames) {
        if (frame.length >= minUncopiedBytes || length >= highWaterMarkBytes) break
        length += frame.length
        count++
      }
      return Bytes.concat(frames.splice(0, count))
    },
    written: (length: number) => {
      bytes -= length
    }
  }
}

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
  decoder.append(rest)
  const hasOutput = Latch.makeUnsafe(false)
  const belowMark = Latch.makeUnsafe(true)
  const queue = makeQueue()
  let isWriting = false
  let stream: ByteStream = {
    pull: Effect.map(connection.pull, (bytes) => {
      onBytes()
      return bytes
    }),
    write: (bytes) => connection.write(bytes)
  }

  const decodeAll = (bytes: Uint8Array): MessageChannel["pull"] =>
    Effect.flatMap(Effect.fromResult(decoder.push(bytes)), (messages) =>
      messages.length > 0 ? Effect.succeed(messages) : Effect.flatMap(stream.pull, decodeAll)
    )
  const next: MessageChannel["next"] = Effect.suspend(() =>
    Effect.flatMap(Effect.fromResult(decoder.next()), (message) =>
      message !== undefined
        ? Effect.succeed(message)
        : Effect.flatMap(stream.pull, (bytes) => {
            decoder.append(bytes)
            return next
          })
    )
  )
  const write = (bytes: Uint8Array) =>
    Effect.suspend(() => {
      if (isWriting) return Effect.void
      isWriting = true
      return Effect.map(stream.write(bytes), () => {
        isWriting = false
      })
    })
  const flush = Effect.suspend(() => {
    const bytes = queue.take()
    if (queue.isEmpty()) hasOutput.closeUnsafe()
    return Effect.map(write(bytes), () => {
      queue.written(bytes.length)
      if (!queue.isAboveMark()) belowMark.openUnsafe()
    })
  })
  return {
    pull: Effect.suspend(() => decodeAll(none)),
    next,
    send: (frames) => {
      if (frames.length === 0) return
      frames.forEach(queue.add)
      hasOutput.openUnsafe()
      if (queue.isAboveMark()) belowMark.closeUnsafe()
    },
    isSending: () => isWriting || !queue.isEmpty(),
    flushing: Effect.forever(Effect.andThen(hasOutput.await, flush), { disableYield: true }),
    write,
    writable: belowMark.await,
    isWritable: () => !queue.isAboveMark(),
    replace: (seal) =>
      Effect.map(
        Effect.suspend(() => seal(stream, decoder.takeUnread())),
        (sealed) => {
          stream = sealed
        }
      ),
    setLimits: decoder.setLimits
  }
}

const unexpected = (detail: string) => new ProtocolError({ reason: new Unexpected({ detail }) })

/** Makes the error for a peer that sent nothing for a time. */
export const timedOut = (millis: number) => new ProtocolError({ reason: new Timeout({ millis }) })

/** Makes the error for a message that is not allowed in this state. */
export const unexpectedMessage = (message: Protocol.Message) => unexpected(`unexpected ${message._tag} message`)

/** Makes the error for an id that is unknown, or in use. */
export const invalidId = (id: number, detail: string) => unexpected(`packet ${id}: ${detail}`)

/** Fails because the peer has closed the connection. */
export const connectionEnded = (message: string) => () =>
  Effect.fail(new ProtocolError({ reason: new Closed({ message }) }))
