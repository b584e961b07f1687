/** Blocks of a file, read ahead in large chunks into two buffers, and read again where blocks must be resent. */
import * as Effect from "effect/Effect"
import * as Signal from "../../network/Signal.ts"
import { Changed, FileStoreError } from "../store/FileStoreError.ts"
import type * as Store from "../store/Store.ts"
import * as BlockSource from "./BlockSource.ts"

/** A buffer with a chunk of the file: a whole number of blocks, but for the last chunk. */
interface ChunkBuffer {
  readonly bytes: Uint8Array
  /** The index of the chunk, from 0; -1 while the buffer is empty. */
  index: number
  /** Bytes of the chunk. */
  length: number
}

/** Makes the buffers of a file, at most two. */
const makeBuffers = (bufferBytes: number) => {
  const buffers: Array<ChunkBuffer> = []
  return {
    /** Returns the buffer with a chunk. */
    find: (index: number) => buffers.find((buffer) => buffer.index === index),
    /** Returns a buffer to read into. A file that fits into one chunk needs no second buffer. */
    reusable: (currentChunk: number) => {
      const unused =
        buffers.find((buffer) => buffer.index === -1) ?? buffers.find((buffer) => buffer.index !== currentChunk)
      if (unused !== undefined && buffers.length > 1) return unused
      const buffer = { bytes: new Uint8Array(bufferBytes), index: -1, length: 0 }
      buffers.push(buffer)
      return buffer
    }
  }
}

/**
 * Makes a source over a file. With the least memory, it reads ahead only from the first reply of the peer: one that is
 * silent takes one buffer.
 *
 * @param size bytes of the file; undefined if it is known only at the end
 */
export const make = (
  body: Extract<Store.Body, { readonly _tag: "Random" }>,
  size: number | undefined,
  options: BlockSource.Options
): BlockSource.BlockSource => {
  const { blksize, filename } = options
  const blocksPerChunk = Math.max(1, Math.floor(BlockSource.readBytesOf(options) / blksize))
  const chunkBytes = blocksPerChunk * blksize
  const bufferBytes = Math.min(chunkBytes, size === undefined ? Number.POSITIVE_INFINITY : size + 1)
  const buffers = makeBuffers(bufferBytes)
  const readNeeded = Signal.make()
  let readsAhead = options.memory !== "least"
  let wantedChunk = 0
  let currentChunk = -1
  let endBytes: number | undefined
  let last = Number.POSITIVE_INFINITY

  const request = (index: number) => {
    if (index === wantedChunk) return
    wantedChunk = index
    readNeeded.notify()
  }
  const requestNext = () => {
    if (!readsAhead) return
    if (last === Number.POSITIVE_INFINITY || (currentChunk + 1) * blocksPerChunk < last) request(currentChunk + 1)
  }
  const read = Effect.fnUntraced(function* (index: number) {
    const buffer = buffers.reusable(currentChunk)
    buffer.index = -1
    const position = index * chunkBytes
    buffer.length = yield* body.readAt(position, buffer.bytes)
    // Blocks to resend are read again. Only a file of unknown size can differ then: `FixedSizeBody` checks all others.
    if (endBytes !== undefined && buffer.length !== Math.min(chunkBytes, endBytes - position)) {
      return yield* new FileStoreError({ filename, reason: new Changed() })
    }
    buffer.index = index
    if (buffer.length === chunkBytes) return
    endBytes = position + buffer.length
    last = Math.floor(endBytes / blksize) + 1
  })

  return {
    last: () => last,
    take: (block, into) => {
      const index = Math.floor((block - 1) / blocksPerChunk)
      const buffer = buffers.find(index)
      if (buffer === undefined) {
        request(index)
        return undefined
      }
      if (index !== currentChunk) {
        currentChunk = index
        requestNext()
      }
      const from = (block - 1 - index * blocksPerChunk) * blksize
      const count = Math.max(0, Math.min(blksize, buffer.length - from))
      return BlockSource.fill(into, buffer.bytes.subarray(from, from + count))
    },
    release: () => {
      if (readsAhead) return
      readsAhead = true
      requestNext()
    },
    run: (onReady) =>
      Effect.gen(function* () {
        while (true) {
          const index = wantedChunk
          if (buffers.find(index) === undefined) {
            yield* read(index)
            onReady()
          }
          if (index === wantedChunk) yield* readNeeded.wait
        }
      })
  }
}
