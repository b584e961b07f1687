/** The error of a status peer: an invalid option or payload. */
import * as Data from "effect/Data"

/**
 * An invalid option, or a payload that does not fit the schema or the packet. The message gives the value and the
 * limit.
 *
 * @category errors
 * @since 0.1.0
 */
export class StatusError extends Data.TaggedError("StatusError")<{
  readonly reason: "InvalidOption" | "InvalidPayload"
  readonly message: string
}> {}
