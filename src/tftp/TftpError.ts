/** Why a transfer failed. */
import * as Data from "effect/Data"
import type * as Network from "../network/Network.ts"
import type * as AddressInfo from "../network/names/AddressInfo.ts"
import * as TerminalText from "../network/TerminalText.ts"
import type * as FileStoreError from "./store/FileStoreError.ts"

/** The peer sent an ERROR. @category errors @since 0.1.0 */
export class Refused extends Data.TaggedClass("Refused")<{
  /** One of `Packet.ErrorCode`, or a peer's own. */
  readonly code: number
  /** The peer's words. */
  readonly text: string
}> {
  get message(): string {
    const words = TerminalText.escape(this.text)
    return `the peer says: ${words === "" ? "nothing more" : words} (error ${this.code})`
  }
}

/** The peer has not answered any more. @category errors @since 0.1.0 */
export class Timeout extends Data.TaggedClass("Timeout")<{
  /** How often the same was sent. */
  readonly attempts: number
  /** Everything was sent, and only the last acknowledgement is missing: the file may have arrived. */
  readonly lastAckMissing: boolean
}> {
  get message(): string {
    const times = this.attempts === 1 ? "once" : `${this.attempts} times`
    return this.lastAckMissing
      ? `no answer to the last block, sent ${times}: the file may have arrived, or not`
      : `no answer: asked ${times}`
  }
}

/** The transfer as a whole took longer than it may. @category errors @since 0.1.0 */
export class DeadlineExceeded extends Data.TaggedClass("DeadlineExceeded")<{ readonly millis: number }> {
  get message(): string {
    return `not done after ${this.millis / 1_000} s, the time for a whole transfer`
  }
}

/** The peer broke the protocol. @category errors @since 0.1.0 */
export class ProtocolViolation extends Data.TaggedClass("ProtocolViolation")<{
  /** The code of the ERROR it was answered with. */
  readonly code: number
  readonly detail: string
}> {
  get message(): string {
    return this.detail
  }
}

/** As many bytes came as were not announced. @category errors @since 0.1.0 */
export class SizeMismatch extends Data.TaggedClass("SizeMismatch")<{
  readonly announced: number
  readonly received: number
}> {
  get message(): string {
    return `${this.received} bytes came, but tsize announced ${this.announced}`
  }
}

/** The file on this side failed. @category errors @since 0.1.0 */
export class File extends Data.TaggedClass("File")<{ readonly cause: FileStoreError.FileStoreError }> {
  get message(): string {
    return this.cause.message
  }
}

/** The network on this side failed. @category errors @since 0.1.0 */
export class Socket extends Data.TaggedClass("Socket")<{ readonly cause: Network.NetworkError }> {
  get message(): string {
    return this.cause.message
  }
}

/** The server has no address. @category errors @since 0.1.0 */
export class Unresolved extends Data.TaggedClass("Unresolved")<{ readonly cause: AddressInfo.AddressInfoError }> {
  get message(): string {
    return this.cause.message
  }
}

/** @category errors @since 0.1.0 */
export type Reason =
  | Refused
  | Timeout
  | DeadlineExceeded
  | ProtocolViolation
  | SizeMismatch
  | File
  | Socket
  | Unresolved

/** A transfer failed; nothing of it is left behind. @category errors @since 0.1.0 */
export class TftpError extends Data.TaggedError("TftpError")<{ readonly reason: Reason }> {
  override get message(): string {
    return this.reason.message
  }
}
