/** Why a peer cannot start, or say something. */
import * as Data from "effect/Data"

/**
 * An option that makes no sense, or a payload that cannot be sent; the message says what would be right.
 *
 * @category errors
 * @since 0.1.0
 */
export class StatusError extends Data.TaggedError("StatusError")<{
  readonly reason: "InvalidOption" | "InvalidPayload"
  readonly message: string
}> {}
