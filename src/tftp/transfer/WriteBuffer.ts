/** A write-behind buffer: joins received blocks into large chunks, so that a file needs fewer writes. */
import * as Effect from "effect/Effect"
import * as Signal from "../../network/Signal.ts"
import type { FileStoreError } from "../store/FileStoreError.ts"
import type * as Store from "../store/Store.ts"

/** Bytes of a chunk; a write starts when a quarter of it is filled. */
const chunkBytes = 256 * 1_024

interface Chunk {
  readonly bytes: Uint8Array
  length: number
}

/** A buffer of bytes to be written. */
export interface WriteBuffer {
  /** Appends a copy of the bytes. */
  readonly append: (bytes: Uint8Array) => void
  /** Returns the number of bytes not yet written. */
  readonly buffered: () => number
  /** Marks the end: no more bytes are appended, and the last chunk is written as it is. */
  readonly end: () => void
  /** Writes chunks until all bytes before `end` are written; calls `onWritten` after each chunk. */
  readonly drain: (onWritten: () => void) => Effect.Effect<void, FileStoreError>
}

/** Makes a buffer. The expected size in bytes, if known, keeps the memory for a small file small. */
export const make = (write: Store.Writable["write"], expectedBytes: number | undefined): WriteBuffer => {
  const chunkSize = Math.max(1_024, Math.min(chunkBytes, expectedBytes ?? chunkBytes))
  const fullChunks: Array<Chunk> = []
  const changed = Signal.make()
  let spare: Chunk | undefined
  let current: Chunk | undefined
  let bufferedBytes = 0
  let ended = false

  const newChunk = (): Chunk => {
    const chunk = spare ?? { bytes: new Uint8Array(chunkSize), length: 0 }
    spare = undefined
    chunk.length = 0
    return chunk
  }
  const takeChunk = () => {
    const first = fullChunks.shift()
    if (first !== undefined) return first
    if (current === undefined || current.length === 0 || (!ended && current.length < chunkSize / 4)) return undefined
    const chunk = current
    current = undefined
    return chunk
  }
  return {
    append: (bytes) => {
      bufferedBytes += bytes.length
      for (let at = 0; at < bytes.length; ) {
        current ??= newChunk()
        const count = Math.min(bytes.length - at, chunkSize - current.length)
        current.bytes.set(count === bytes.length ? bytes : bytes.subarray(at, at + count), current.length)
        current.length += count
        at += count
        if (current.length < chunkSize) continue
        fullChunks.push(current)
        current = undefined
      }
      if (fullChunks.length > 0 || (current !== undefined && current.length >= chunkSize / 4)) changed.notify()
    },
    buffered: () => bufferedBytes,
    end: () => {
      ended = true
      changed.notify()
    },
    drain: (onWritten) =>
      Effect.gen(function* () {
        while (true) {
          const chunk = takeChunk()
          if (chunk === undefined) {
            if (ended) {
              // A server still dallies: it needs no memory for that.
              spare = undefined
              return
            }
            yield* changed.wait
            continue
          }
          yield* write(chunk.bytes.subarray(0, chunk.length))
          bufferedBytes -= chunk.length
          spare = chunk
          onWritten()
        }
      })
  }
}
