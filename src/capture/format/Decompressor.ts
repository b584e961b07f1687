/** The service that decompresses capture files. `NodeDecompressor` provides it. */
import * as Context from "effect/Context"
import type * as Stream from "effect/Stream"
import type { CaptureFileError } from "./CaptureFileError.ts"
import type { Compression } from "./FileTypes.ts"

/** Decompression of streams of bytes, in constant memory. @category services @since 0.1.0 */
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
    ) => Stream.Stream<Uint8Array, E | CaptureFileError, R>
  }
>()("effect-inet/capture/Decompressor") {}
