/** The errors of the protocol between a farm and a worker server. */
import * as Data from "effect/Data"
import * as TerminalText from "../../../network/TerminalText.ts"

const maxTextChars = 200

/**
 * Makes one line of at most 200 characters from a peer's text, for logs and errors.
 *
 * @category conversions
 * @since 0.1.0
 */
export const singleLine = (text: string): string => {
  const line = text.slice(0, maxTextChars + 1).replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")
  return TerminalText.truncate(line, maxTextChars)
}

/** A frame over the length limit. @category errors @since 0.1.0 */
export class FrameTooLong extends Data.TaggedClass("FrameTooLong")<{ readonly length: number; readonly max: number }> {
  get message(): string {
    return `frame too long: ${this.length} bytes (limit ${this.max})`
  }
}

/** A packet or result over the length limit. @category errors @since 0.1.0 */
export class PacketTooLong extends Data.TaggedClass("PacketTooLong")<{
  readonly length: number
  readonly max: number
}> {
  get message(): string {
    return `packet or result too long: ${this.length} bytes (limit ${this.max}); split the work, or raise the limit`
  }
}

/** Bytes that are not a message, or a message that cannot be encoded. @category errors @since 0.1.0 */
export class Malformed extends Data.TaggedClass("Malformed")<{ readonly detail: string }> {
  get message(): string {
    return `malformed message: ${this.detail}`
  }
}

/** A message that is not allowed in this state, or has an invalid id. @category errors @since 0.1.0 */
export class Unexpected extends Data.TaggedClass("Unexpected")<{ readonly detail: string }> {
  get message(): string {
    return `protocol violation: ${this.detail}`
  }
}

/** A connection that the peer has closed where messages were due. @category errors @since 0.1.0 */
export class Closed extends Data.TaggedClass("Closed")<{ readonly message: string }> {}

/** A sealed frame that is not the next one of the peer. Frames count from 0. @category errors @since 0.1.0 */
export class BadSeal extends Data.TaggedClass("BadSeal")<{ readonly frame: number }> {
  get message(): string {
    return `authentication failed: sealed frame ${this.frame} was altered, repeated or lost on its way`
  }
}

/** A peer that is refused, or cannot be authenticated. @category errors @since 0.1.0 */
export class Refused extends Data.TaggedClass("Refused")<{
  readonly reason: "Version" | "Job" | "Key" | "Busy" | "Broken"
  readonly message: string
}> {}

/** A peer that sent nothing for a time. @category errors @since 0.1.0 */
export class Timeout extends Data.TaggedClass("Timeout")<{ readonly millis: number }> {
  get message(): string {
    return `timed out: no message within ${this.millis / 1_000} s`
  }
}

/** A failure of the peer: a violation of the protocol, a refusal, silence, or its end. @category errors @since 0.1.0 */
export class ProtocolError extends Data.TaggedError("ProtocolError")<{
  readonly reason: FrameTooLong | PacketTooLong | Malformed | Unexpected | BadSeal | Refused | Timeout | Closed
}> {
  override get message(): string {
    return this.reason.message
  }
}
