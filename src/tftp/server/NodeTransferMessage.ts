/** Messages between a server and the threads that run its transfers. */
import * as Schema from "effect/Schema"
import { FileStoreError } from "../store/FileStoreError.ts"
import { TftpError } from "../TftpError.ts"
import type * as Transfer from "../transfer/Transfer.ts"
import type { TransferSpec } from "../transfer/TransferSpec.ts"

/** An open file to read, and what it was when it was opened. */
export interface FileSource {
  readonly descriptor: number
  readonly size: number | undefined
  readonly modifiedAtMillis: number | undefined
}

/** A message to a thread; `id` identifies the transfer. */
export type ToThread =
  | {
      readonly _tag: "Start"
      readonly id: number
      readonly spec: TransferSpec
      /** The file to read; undefined for an upload. */
      readonly source: FileSource | undefined
      /** The most bytes of an upload; undefined for no limit. */
      readonly maxBytes: number | undefined
    }
  | { readonly _tag: "Stop"; readonly id: number }
  /** A datagram to handle as if the peer had sent it. */
  | { readonly _tag: "Receive"; readonly id: number; readonly bytes: Uint8Array }
  /** The result of `Write` or `Commit`. */
  | { readonly _tag: "FileOperationDone"; readonly id: number; readonly error: EncodedFileError | undefined }
  /** A request for `Pong`. */
  | { readonly _tag: "Ping" }

/** A message from a thread. */
export type FromThread =
  /** The thread accepts messages. */
  | { readonly _tag: "Ready" }
  | { readonly _tag: "Pong" }
  /** The thread has opened the socket of the transfer. */
  | { readonly _tag: "Opened"; readonly id: number; readonly port: number }
  | {
      readonly _tag: "Progress"
      readonly id: number
      readonly summary: Transfer.Summary
      readonly handshakeDone: boolean
    }
  /** The client has sent its first packet. */
  | { readonly _tag: "Replied"; readonly id: number }
  /** Bytes of an upload to write to its file. */
  | { readonly _tag: "Write"; readonly id: number; readonly bytes: Uint8Array }
  /** The end of an upload: commit its file. */
  | { readonly _tag: "Commit"; readonly id: number }
  /** The end of the transfer, which was stopped or succeeded if `error` is undefined. */
  | { readonly _tag: "Ended"; readonly id: number; readonly error: EncodedError | undefined }

type EncodedError = typeof TftpError.Encoded
type EncodedFileError = typeof FileStoreError.Encoded

export const encodeError = Schema.encodeSync(TftpError)
export const decodeError = Schema.decodeSync(TftpError)
export const encodeFileError = Schema.encodeSync(FileStoreError)
export const decodeFileError = Schema.decodeSync(FileStoreError)
