/** The service that decompresses capture files. `NodeDecompressor` provides it. */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Stream from "effect/Stream"
import type { Compression } from "./FileTypes.ts"

/** A failure at the byte `offset` of the compressed file. */
export class DecompressError extends Data.TaggedError("DecompressError")<{
  readonly compression: Compression
  readonly offset: number
  readonly found: string
}> {}

/** Decompression of streams of bytes, in constant memory. */
export class Decompressor extends Context.Service<
  Decompressor,
  {
    /**
     * Decompresses a file of one or more members. Fails after the bytes before the error; bytes after the last member
     * are an error, too.
     */
    readonly decompress: <E, R>(
      bytes: Stream.Stream<Uint8Array, E, R>,
      compression: Compression
    ) => Stream.Stream<Uint8Array, E | DecompressError, R>
  }
>()("effect-inet/capture/Decompressor") {}
