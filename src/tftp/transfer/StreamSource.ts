/** Blocks of a stream, which can be read only once: each block is kept until it is acknowledged. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Signal from "../../network/Signal.ts"
import type { FileStoreError } from "../store/FileStoreError.ts"
import * as BlockSource from "./BlockSource.ts"

/** Makes a source over a stream; it reads ahead by one window and 128 KiB, or less. */
export const make = (
  stream: Stream.Stream<Uint8Array, FileStoreError>,
  { blksize, memory, windowsize }: Pick<BlockSource.Options, "blksize" | "memory" | "windowsize">
): BlockSource.BlockSource => {
  const buffered = new Map<number, Uint8Array>()
  const readAheadBytes = BlockSource.readBytes[memory === "least" ? "least" : "small"]
  const maxBufferedBlocks = windowsize + Math.max(1, Math.floor(readAheadBytes / blksize))
  const released = Signal.make()
  let lastRead = 0
  let lastReleased = 0
  let last = Number.POSITIVE_INFINITY
  return {
    last: () => last,
    take: (block, into) => {
      const bytes = buffered.get(block)
      return bytes === undefined ? undefined : BlockSource.fill(into, bytes)
    },
    release: (upTo) => {
      while (lastReleased < upTo) buffered.delete(++lastReleased)
      released.notify()
    },
    run: (onReady) =>
      Effect.scoped(
        Effect.gen(function* () {
          const pull = yield* Stream.toPull(stream)
          let block = new Uint8Array(blksize)
          let length = 0
          const endBlock = () => {
            buffered.set(++lastRead, block.subarray(0, length))
            block = new Uint8Array(blksize)
            length = 0
          }
          const append = Effect.fnUntraced(function* (bytes: Uint8Array) {
            for (let at = 0; at < bytes.length; ) {
              const count = Math.min(blksize - length, bytes.length - at)
              block.set(bytes.subarray(at, at + count), length)
              length += count
              at += count
              if (length < blksize) continue
              endBlock()
              while (lastRead - lastReleased >= maxBufferedBlocks) {
                onReady()
                yield* released.wait
              }
            }
          })
          const readAll = Effect.gen(function* () {
            while (true) {
              for (const bytes of yield* pull) yield* append(bytes)
              onReady()
            }
          })
          yield* Effect.catchIf(readAll, Cause.isDone, () => Effect.void)
          endBlock()
          last = lastRead
          onReady()
          return yield* Effect.never
        })
      )
  }
}
