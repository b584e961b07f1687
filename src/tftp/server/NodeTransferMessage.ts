/** Messages between a server and the threads that run its transfers. */
import type { FileStoreError, Reason } from "../store/FileStoreError.ts"
import type * as TftpError from "../TftpError.ts"
import type * as Transfer from "../transfer/Transfer.ts"
import type { TransferSpec } from "../transfer/TransferSpec.ts"

/** A `FileStoreError` as plain data: without its cause. */
export interface SerializedFileError {
  readonly filename: string | undefined
  readonly reason: {
    readonly _tag: string
    readonly code: number
    readonly peerMessage: string
    readonly detail: string
  }
}

/** A reason of `TftpError` as plain data. */
export type SerializedReason =
  | { readonly _tag: "File"; readonly error: SerializedFileError }
  | { readonly _tag: "Socket"; readonly reason: string }
  | Pick<TftpError.Refused, "_tag" | "code" | "text">
  | Pick<TftpError.Timeout, "_tag" | "attempts" | "lastAckMissing">
  | Pick<TftpError.ProtocolViolation, "_tag" | "code" | "detail">
  | Pick<TftpError.SizeMismatch, "_tag" | "announced" | "received">

/** A message to a thread; `id` identifies the transfer. */
export type ToThread =
  | {
      readonly _tag: "Start"
      readonly id: number
      readonly spec: TransferSpec
      /** The file to read; undefined for an upload. */
      readonly source: { readonly descriptor: number; readonly size: number | undefined } | undefined
    }
  | { readonly _tag: "Stop"; readonly id: number }
  /** A datagram to handle as if the peer had sent it. */
  | { readonly _tag: "Receive"; readonly id: number; readonly bytes: Uint8Array }
  /** The result of `Write` or `Commit`. */
  | { readonly _tag: "FileOperationDone"; readonly id: number; readonly error: SerializedFileError | undefined }

/** A message from a thread. */
export type FromThread =
  /** The thread accepts messages. */
  | { readonly _tag: "Ready" }
  | {
      readonly _tag: "Progress"
      readonly id: number
      readonly summary: Transfer.Summary
      readonly handshakeDone: boolean
    }
  /** Bytes of an upload to write to its file. */
  | { readonly _tag: "Write"; readonly id: number; readonly bytes: Uint8Array }
  /** The end of an upload: commit its file. */
  | { readonly _tag: "Commit"; readonly id: number }
  /** The end of the transfer; it succeeded if `reason` is undefined. */
  | { readonly _tag: "Ended"; readonly id: number; readonly reason: SerializedReason | undefined }

export const serializeFileError = ({ filename, reason }: FileStoreError): SerializedFileError => {
  const { _tag, peerMessage, code, detail } = reason
  return { filename, reason: { _tag, peerMessage, code, detail } }
}

/** Converts plain data back to a reason: it has all fields that `FileStoreError` uses. */
export const deserializeReason = ({ reason }: SerializedFileError) => reason as unknown as Reason
