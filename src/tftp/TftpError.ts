/** Errors of transfers. */
import * as Data from "effect/Data"
import type * as Network from "../network/Network.ts"
import type * as AddressInfo from "../network/names/AddressInfo.ts"
import * as TerminalText from "../network/TerminalText.ts"
import type * as FileStoreError from "./store/FileStoreError.ts"

/** The peer sent an ERROR packet. @category errors @since 0.1.0 */
export class Refused extends Data.TaggedClass("Refused")<{
  /** The error code: one of `Packet.ErrorCode`, or a code of the peer's own. */
  readonly code: number
  /** The message of the peer, unescaped. */
  readonly text: string
}> {
  get message(): string {
    const text = TerminalText.escape(this.text)
    return `refused by the peer: ${text === "" ? "no reason given" : text} (error ${this.code})`
  }
}

/** The peer sent nothing until the last retransmission timed out. @category errors @since 0.1.0 */
export class Timeout extends Data.TaggedClass("Timeout")<{
  /** The number of times the same packet was sent. */
  readonly attempts: number
  /** True if only the last ACK is missing: all blocks were sent, and the file may have arrived. */
  readonly lastAckMissing: boolean
}> {
  get message(): string {
    const count = (noun: string) => `${this.attempts} ${noun}${this.attempts === 1 ? "" : "s"}`
    return this.lastAckMissing
      ? `timed out: no ACK of the last block, sent ${count("time")}; the file may have arrived`
      : `timed out: no reply to ${count("request")}`
  }
}

/** The whole transfer took longer than its deadline. @category errors @since 0.1.0 */
export class DeadlineExceeded extends Data.TaggedClass("DeadlineExceeded")<{
  /** The deadline, in milliseconds from the start of the transfer. */
  readonly millis: number
}> {
  get message(): string {
    return `deadline exceeded: the transfer was not complete after ${this.millis / 1_000} s`
  }
}

/** The peer violated the protocol. @category errors @since 0.1.0 */
export class ProtocolViolation extends Data.TaggedClass("ProtocolViolation")<{
  /** The code of the ERROR packet sent to the peer. */
  readonly code: number
  readonly detail: string
}> {
  get message(): string {
    return this.detail
  }
}

/** The size received differs from the announced `tsize` (RFC 2349). @category errors @since 0.1.0 */
export class SizeMismatch extends Data.TaggedClass("SizeMismatch")<{
  /** Bytes announced by the peer. */
  readonly announced: number
  /** Bytes received. */
  readonly received: number
}> {
  get message(): string {
    return `size mismatch: received ${this.received} bytes, but tsize announced ${this.announced}`
  }
}

/** The local file failed. @category errors @since 0.1.0 */
export class File extends Data.TaggedClass("File")<{ readonly cause: FileStoreError.FileStoreError }> {
  get message(): string {
    return this.cause.message
  }
}

/** The local network failed. @category errors @since 0.1.0 */
export class Socket extends Data.TaggedClass("Socket")<{ readonly cause: Network.NetworkError }> {
  get message(): string {
    return this.cause.message
  }
}

/** The server's name has no address. @category errors @since 0.1.0 */
export class Unresolved extends Data.TaggedClass("Unresolved")<{ readonly cause: AddressInfo.AddressInfoError }> {
  get message(): string {
    return this.cause.message
  }
}

/** The reason why a transfer failed. @category errors @since 0.1.0 */
export type Reason =
  | Refused
  | Timeout
  | DeadlineExceeded
  | ProtocolViolation
  | SizeMismatch
  | File
  | Socket
  | Unresolved

/** A failed transfer; a partly received file is discarded. @category errors @since 0.1.0 */
export class TftpError extends Data.TaggedError("TftpError")<{ readonly reason: Reason }> {
  override get message(): string {
    return this.reason.message
  }
}
