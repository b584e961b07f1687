/** Errors of transfers, which can be encoded for another thread. */
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Network from "../network/Network.ts"
import * as AddressInfo from "../network/names/AddressInfo.ts"
import * as Quantity from "../network/Quantity.ts"
import * as TerminalText from "../network/TerminalText.ts"
import * as FileStoreError from "./store/FileStoreError.ts"

/** The peer sent an ERROR packet. @category errors @since 0.1.0 */
export class Refused extends Schema.TaggedClass<Refused>()("Refused", {
  /** The error code: one of `Packet.ErrorCode`, or a code of the peer's own. */
  code: Schema.Number,
  /** The message of the peer, unescaped. */
  text: Schema.String
}) {
  get message(): string {
    const text = TerminalText.escape(this.text)
    return `refused by the peer: ${text === "" ? "no reason given" : text} (error ${this.code})`
  }
}

/** The packet of a block that a transfer waited for. */
const AwaitedPacket = Schema.Struct({
  kind: Schema.Literals(["ACK", "DATA"]),
  /** The number of the block, without rollover; 0 for the ACK of an OACK. */
  block: Schema.Number,
  /** The bytes of the file that were transferred before. */
  bytes: Schema.Number
})

/** The peer sent nothing until the last retransmission timed out. @category errors @since 0.1.0 */
export class Timeout extends Schema.TaggedClass<Timeout>()("Timeout", {
  /** The number of times the same packet was sent. */
  attempts: Schema.Number,
  /** True if only the last ACK is missing: all blocks were sent, and the file may have arrived. */
  lastAckMissing: Schema.Boolean,
  /** The packet that the peer did not send; undefined if that is the reply to the request of a client. */
  awaited: Schema.optional(AwaitedPacket)
}) {
  get message(): string {
    const count = (noun: string) => Quantity.format(this.attempts, noun)
    if (this.lastAckMissing) {
      return `timed out: no ACK of the last block, sent ${count("time")}; the file may have arrived`
    }
    if (this.awaited === undefined) return `timed out: no reply to ${count("request")}`
    const { block, bytes, kind } = this.awaited
    if (block === 0) return `timed out: no ACK of the OACK, sent ${count("time")}`
    const packet = kind === "ACK" ? `ACK of block ${block}, sent` : `block ${block}, asked for`
    return `timed out: no ${packet} ${count("time")}, after ${Quantity.format(bytes, "byte")}`
  }
}

/** The client sent another request from the same port. @category errors @since 0.1.0 */
export class Superseded extends Schema.TaggedClass<Superseded>()("Superseded", {}) {
  get message(): string {
    return "superseded by a new request of the client"
  }
}

/** The whole transfer took longer than its deadline. @category errors @since 0.1.0 */
export class DeadlineExceeded extends Schema.TaggedClass<DeadlineExceeded>()("DeadlineExceeded", {
  /** The deadline, in milliseconds from the start of the transfer. */
  millis: Schema.Number
}) {
  get message(): string {
    return `deadline exceeded: the transfer was not complete after ${this.millis / 1_000} s`
  }
}

/** The peer violated the protocol. @category errors @since 0.1.0 */
export class ProtocolViolation extends Schema.TaggedClass<ProtocolViolation>()("ProtocolViolation", {
  /** The code of the ERROR packet sent to the peer. */
  code: Schema.Number,
  detail: Schema.String
}) {
  get message(): string {
    return this.detail
  }
}

/** The size received differs from the announced `tsize` (RFC 2349). @category errors @since 0.1.0 */
export class SizeMismatch extends Schema.TaggedClass<SizeMismatch>()("SizeMismatch", {
  /** Bytes announced by the peer. */
  announced: Schema.Number,
  /** Bytes received. */
  received: Schema.Number
}) {
  get message(): string {
    return `size mismatch: received ${Quantity.format(this.received, "byte")}, but tsize announced ${this.announced}`
  }
}

/** The local file failed. @category errors @since 0.1.0 */
export class File extends Schema.TaggedClass<File>()("File", { cause: FileStoreError.FileStoreError }) {
  get message(): string {
    return this.cause.message
  }
}

/** A `NetworkError`, encoded as its message: the cause of the platform does not cross to another thread. */
const NetworkError = Schema.String.pipe(
  Schema.decodeTo(
    Schema.instanceOf(Network.NetworkError),
    SchemaTransformation.transform({
      decode: (message) => new Network.NetworkError({ reason: "Unknown", cause: new Error(message) }),
      encode: ({ message }) => message
    })
  )
)

/** The local network failed. @category errors @since 0.1.0 */
export class Socket extends Schema.TaggedClass<Socket>()("Socket", { cause: NetworkError }) {
  get message(): string {
    return this.cause.message
  }
}

/** The thread that ran the transfer has ended. @category errors @since 0.1.0 */
export class ThreadEnded extends Schema.TaggedClass<ThreadEnded>()("ThreadEnded", { detail: Schema.String }) {
  get message(): string {
    return `the thread of the transfer ${this.detail}`
  }
}

/** The server's name has no address. @category errors @since 0.1.0 */
export class Unresolved extends Schema.TaggedClass<Unresolved>()("Unresolved", {
  cause: Schema.instanceOf(AddressInfo.AddressInfoError)
}) {
  get message(): string {
    return this.cause.message
  }
}

const Reason = Schema.Union([
  Refused,
  Timeout,
  Superseded,
  DeadlineExceeded,
  ProtocolViolation,
  SizeMismatch,
  File,
  Socket,
  ThreadEnded,
  Unresolved
])

/** The reason why a transfer failed. @category errors @since 0.1.0 */
export type Reason = typeof Reason.Type

/** A failed transfer; a partly received file is discarded. @category errors @since 0.1.0 */
export class TftpError extends Schema.TaggedError<TftpError>()("TftpError", { reason: Reason }) {
  override get message(): string {
    return this.reason.message
  }
}
