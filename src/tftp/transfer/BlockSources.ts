/** Chooses the block source for a file: `VectoredFileSource`, `FileSource` or `StreamSource`. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Netascii from "../protocol/Netascii.ts"
import type { FileStoreError } from "../store/FileStoreError.ts"
import type * as Store from "../store/Store.ts"
import * as BlockSource from "./BlockSource.ts"
import * as FileSource from "./FileSource.ts"
import * as FixedSizeBody from "./FixedSizeBody.ts"
import * as StreamSource from "./StreamSource.ts"
import * as VectoredFileSource from "./VectoredFileSource.ts"

/** The smallest blksize at which a vectored read into the packets costs less than copying the blocks. */
const minVectoredBlockBytes = 8 * 1_024

/** Reads a file as a stream, for netascii, which changes its length. */
const streamOf = (body: Store.Body): Stream.Stream<Uint8Array, FileStoreError> =>
  body._tag === "Stream"
    ? body.stream
    : Stream.unfold(0, (position) => {
        const bytes = new Uint8Array(BlockSource.readBytes.small / 4)
        return Effect.map(body.readAt(position, bytes), (count) =>
          count === 0 ? undefined : ([bytes.subarray(0, count), position + count] as const)
        )
      })

/** Encodes a stream as netascii (RFC 764). */
const encoded = (stream: Stream.Stream<Uint8Array, FileStoreError>) =>
  Stream.suspend(() => {
    const encoder = Netascii.encoder()
    return Stream.concat(
      Stream.map(stream, encoder.push),
      Stream.suspend(() => Stream.succeed(encoder.end()))
    )
  })

/** Makes the source of the blocks of a file or a stream, encoded for the mode. */
export const make = (
  readable: Pick<Store.Readable, "body" | "size" | "unchanged">,
  options: BlockSource.Options
): BlockSource.BlockSource => {
  const { blksize, filename, memory, mode, windowsize } = options
  const { size } = readable
  const body = FixedSizeBody.make(readable, filename)
  if (mode === "octet" && body._tag === "Random") {
    return (memory === "large" || windowsize === 1) &&
      blksize >= minVectoredBlockBytes &&
      body.readVectoredAt !== undefined
      ? VectoredFileSource.make({
          readVectoredAt: body.readVectoredAt,
          size,
          blksize,
          windowsize,
          readBytes: BlockSource.readBytes[memory === "least" ? "least" : "small"]
        })
      : FileSource.make(body, size, options)
  }
  const stream = streamOf(body)
  return StreamSource.make(mode === "octet" ? stream : encoded(stream), options)
}
