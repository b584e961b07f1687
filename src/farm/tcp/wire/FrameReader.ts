/** Cuts a stream of bytes into frames: a length in four bytes, big endian, and that many bytes. */
import * as Bytes from "effect/Bytes"
import * as Result from "effect/Result"
import { FrameTooLong, ProtocolError } from "./ProtocolError.ts"

/** The bytes of the length of a frame. */
export const headerBytes = 4

/** An incremental reader of frames. */
export interface FrameReader {
  /** Adds bytes, which belong to the reader and its frames from then on. */
  readonly append: (bytes: Uint8Array) => void
  /** Takes the next frame; `undefined` if it is incomplete. Fails with `FrameTooLong` once its length is known. */
  readonly next: (maxBytes: number) => Result.Result<Uint8Array | undefined, ProtocolError>
  /** Takes the bytes after the last frame. They must not contain a part of one that `next` has looked at. */
  readonly takeUnread: () => Uint8Array
}

/** A frame whose end has not arrived. */
interface Incomplete {
  readonly length: number
  filledBytes: number
  /** It grows with the bytes that arrive: a length is only what the peer says. */
  buffer: Uint8Array
}

const empty = new Uint8Array(0)

const incomplete = Result.succeed(undefined)

/** The first bytes that an incomplete frame has room for. */
const initialRoomBytes = 1 << 12

const readLength = (bytes: Uint8Array) => ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0

/** Returns a view without the methods of Node's `Buffer`, whose `slice` does not copy. */
const plain = (bytes: Uint8Array) => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)

const fill = (frame: Incomplete, part: Uint8Array) => {
  const filledBytes = frame.filledBytes + part.length
  if (filledBytes > frame.buffer.length) {
    const larger = new Uint8Array(Math.min(frame.length, Math.max(initialRoomBytes, 2 * filledBytes)))
    larger.set(frame.buffer.subarray(0, frame.filledBytes))
    frame.buffer = larger
  }
  frame.buffer.set(part, frame.filledBytes)
  frame.filledBytes = filledBytes
}

/**
 * Makes a reader, which holds at most twice the bytes of a frame. A frame that arrives in one piece is a view of it,
 * and not copied; any other is copied once or twice.
 */
export const make = (): FrameReader => {
  let unread: Uint8Array = empty
  let current: Incomplete | undefined

  const take = (bytes: number) => {
    const taken = unread.subarray(0, bytes)
    unread = unread.subarray(bytes)
    return taken
  }
  return {
    append: (bytes) => {
      unread = unread.length === 0 ? plain(bytes) : Bytes.concat([unread, bytes])
    },
    next: (maxBytes) => {
      if (current === undefined) {
        if (unread.length < headerBytes) return incomplete
        const length = readLength(unread)
        if (length > maxBytes)
          return Result.fail(new ProtocolError({ reason: new FrameTooLong({ length, max: maxBytes }) }))
        take(headerBytes)
        if (unread.length >= length) return Result.succeed(take(length))
        current = { length, filledBytes: 0, buffer: empty }
      }
      fill(current, take(current.length - current.filledBytes))
      if (current.filledBytes < current.length) return incomplete
      const { buffer } = current
      current = undefined
      return Result.succeed(buffer)
    },
    takeUnread: () => take(unread.length)
  }
}
