/** Holds what has come until it is written: blocks are small, and a file takes them better in large pieces. */
import * as Effect from "effect/Effect"
import * as Signal from "../../network/Signal.ts"
import type { FileStoreError } from "../store/FileStoreError.ts"
import type * as Store from "../store/Store.ts"

/** Bytes of a piece; a quarter of it is worth a write. */
const chunkBytes = 256 * 1_024

interface Chunk {
  readonly bytes: Uint8Array
  length: number
}

/** What waits to be written. */
export interface WriteBuffer {
  /** Copies the bytes. */
  readonly append: (bytes: Uint8Array) => void
  /** Bytes that are not written yet. */
  readonly buffered: () => number
  /** Nothing comes any more: writes what is left, too. */
  readonly end: () => void
  /** Writes until all that came before `end` is written; `written` is called after each piece. */
  readonly drain: (onWritten: () => void) => Effect.Effect<void, FileStoreError>
}

/** `most`: bytes that will come, if known, so that a small file takes little memory. */
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
            if (ended) return
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
