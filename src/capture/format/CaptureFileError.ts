/** The error of reading a capture file. */
import * as Data from "effect/Data"

/**
 * Reason to end a file: it ends too early, has a format that is known but not read, has an unknown format, violates its
 * format, or cannot be decompressed.
 *
 * @category errors
 * @since 0.1.0
 */
export type Reason = "Truncated" | "UnsupportedFormat" | "UnknownFormat" | "Malformed" | "Decompression"

/** A failure to read a file, at a byte of the decompressed file. @category errors @since 0.1.0 */
export class CaptureFileError extends Data.TaggedError("CaptureFileError")<{
  readonly reason: Reason
  /** Offset of the failure in bytes: of the compressed file if it cannot be decompressed. */
  readonly offset: number
  readonly expected: string
  readonly found: string
}> {
  override get message(): string {
    const { expected, found, offset, reason } = this
    const where = reason === "Decompression" ? `byte ${offset} of the compressed file` : `byte ${offset}`
    return `at ${where}: expected ${expected}, found ${found}`
  }
}
