/** Why a file cannot be read or written: for the peer a code and a harmless sentence, for the operator the details. */
import * as Data from "effect/Data"

/** There is no such file, or the folder to write into is missing: code 1. @category errors @since 0.1.0 */
export class NotFound extends Data.TaggedClass("NotFound") {
  readonly code = 1
  readonly peerMessage = "File not found"
  readonly detail = "there is no such file or folder"
}

const denials = {
  Outside: "it leads out of the root; ask for a name below it",
  Directory: "it is a directory; ask for a file",
  Device: "it is a device, a pipe or a socket; ask for a regular file",
  Link: "it is a symbolic link or too many of them; uploads neither follow nor replace links",
  Forbidden: "the system permits it not; see to the owner and the mode of the file and its folders",
  ReadOnly: "the store is read-only; allow writing to take uploads",
  Reserved: "such names are kept for uploads that are under way",
  Virtual: "the program makes this file; it cannot be written"
}

/** The name is known, but not to be had: code 2. @category errors @since 0.1.0 */
export class AccessDenied extends Data.TaggedClass("AccessDenied")<{ readonly why: keyof typeof denials }> {
  readonly code = 2
  readonly peerMessage = "Access violation"
  get detail(): string {
    return denials[this.why]
  }
}

/** The device or the owner's share of it is full: code 3. @category errors @since 0.1.0 */
export class DiskFull extends Data.TaggedClass("DiskFull") {
  readonly code = 3
  readonly peerMessage = "Disk full"
  readonly detail = "no space is left for it"
}

/**
 * More bytes than one file or all files together may have, or than a transfer may carry: code 3.
 *
 * @category errors
 * @since 0.1.0
 */
export class TooLarge extends Data.TaggedClass("TooLarge")<{
  /** Bytes: what would still have been accepted. */
  readonly limit: number
}> {
  readonly code = 3
  readonly peerMessage = "Disk full or allocation exceeded"
  get detail(): string {
    return `it is larger than the ${this.limit} bytes that may be written`
  }
}

/** The file exists, and is not to be replaced: code 6. @category errors @since 0.1.0 */
export class Exists extends Data.TaggedClass("Exists") {
  readonly code = 6
  readonly peerMessage = "File already exists"
  readonly detail = "the file exists; allow overwriting to replace it"
}

/**
 * Somebody else is uploading a file of that name. Code 2, not 6: the file need not exist, and to try again later may
 * well succeed.
 *
 * @category errors
 * @since 0.1.0
 */
export class Busy extends Data.TaggedClass("Busy") {
  readonly code = 2
  readonly peerMessage = "The file is being written, try again later"
  readonly detail = "another upload of that name is under way"
}

const faults = {
  Empty: "it names no file",
  Control: "it holds a NUL or another control character"
}

/**
 * No name of a file. Code 4, as for every malformed request: what stands there could not exist anywhere.
 *
 * @category errors
 * @since 0.1.0
 */
export class IllegalName extends Data.TaggedClass("IllegalName")<{ readonly fault: keyof typeof faults }> {
  readonly code = 4
  readonly peerMessage = "Illegal file name"
  get detail(): string {
    return `${faults[this.fault]}; names are printable, with / between folders`
  }
}

const messageOf = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))

/** The file could not be read, or not to its end: code 0. @category errors @since 0.1.0 */
export class ReadFailed extends Data.TaggedClass("ReadFailed")<{ readonly cause: unknown }> {
  readonly code = 0
  readonly peerMessage = "Read error"
  get detail(): string {
    return `reading failed: ${messageOf(this.cause)}`
  }
}

/** The file could not be written: code 0. @category errors @since 0.1.0 */
export class WriteFailed extends Data.TaggedClass("WriteFailed")<{ readonly cause: unknown }> {
  readonly code = 0
  readonly peerMessage = "Write error"
  get detail(): string {
    return `writing failed: ${messageOf(this.cause)}`
  }
}

/** The root of a store is no directory that can be used: told at its start. @category errors @since 0.1.0 */
export class BadRoot extends Data.TaggedClass("BadRoot")<{ readonly cause: unknown }> {
  readonly code = 0
  readonly peerMessage = "File store unavailable"
  get detail(): string {
    return `not a directory to serve files from: ${messageOf(this.cause)}`
  }
}

/** @category errors @since 0.1.0 */
export type Reason =
  | NotFound
  | AccessDenied
  | DiskFull
  | TooLarge
  | Exists
  | Busy
  | IllegalName
  | ReadFailed
  | WriteFailed
  | BadRoot

/** A store refused or failed. `message` is for the operator and may show paths. @category errors @since 0.1.0 */
export class FileStoreError extends Data.TaggedError("FileStoreError")<{
  readonly reason: Reason
  /** As the peer wrote it, or the root; left out where it is known anyway. */
  readonly filename?: string | undefined
}> {
  override get message(): string {
    const { detail } = this.reason
    return this.filename === undefined ? detail : `${JSON.stringify(this.filename)}: ${detail}`
  }
  /** The ERROR code of TFTP (RFC 1350, 5). */
  get code(): number {
    return this.reason.code
  }
  /** What the peer is told: never a path, nor anything else about this host. */
  get peerMessage(): string {
    return this.reason.peerMessage
  }
}
