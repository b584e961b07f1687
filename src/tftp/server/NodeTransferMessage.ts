/** What a server and its threads say to each other. */
import type { FileStoreError, Reason } from "../store/FileStoreError.ts"
import type * as TftpError from "../TftpError.ts"
import type * as Transfer from "../transfer/Transfer.ts"
import type { TransferSpec } from "../transfer/TransferSpec.ts"

/** What of an error about a file survives the way between threads. */
export interface SerializedFileError {
  readonly filename: string | undefined
  readonly reason: {
    readonly _tag: string
    readonly code: number
    readonly peerMessage: string
    readonly detail: string
  }
}

/** Why a transfer failed: a reason's own fields, or what is left of an error about a file. */
export type SerializedReason =
  | { readonly _tag: "File"; readonly error: SerializedFileError }
  | { readonly _tag: "Socket"; readonly reason: string }
  | Pick<TftpError.Refused, "_tag" | "code" | "text">
  | Pick<TftpError.Timeout, "_tag" | "attempts" | "lastAckMissing">
  | Pick<TftpError.ProtocolViolation, "_tag" | "code" | "detail">
  | Pick<TftpError.SizeMismatch, "_tag" | "announced" | "received">

/** To a thread. `id` names the transfer. */
export type ToThread =
  | {
      readonly _tag: "Start"
      readonly id: number
      readonly spec: TransferSpec
      /** What is read; undefined: the peer writes. */
      readonly source: { readonly descriptor: number; readonly size: number | undefined } | undefined
    }
  | { readonly _tag: "Stop"; readonly id: number }
  /** As if the peer had sent this. */
  | { readonly _tag: "Receive"; readonly id: number; readonly bytes: Uint8Array }
  /** The answer to `Write` and `Commit`. */
  | { readonly _tag: "Written"; readonly id: number; readonly error: SerializedFileError | undefined }

/** From a thread. */
export type FromThread =
  /** It can be told now. */
  | { readonly _tag: "Ready" }
  | {
      readonly _tag: "Progress"
      readonly id: number
      readonly summary: Transfer.Summary
      readonly handshakeDone: boolean
    }
  | { readonly _tag: "Write"; readonly id: number; readonly bytes: Uint8Array }
  | { readonly _tag: "Commit"; readonly id: number }
  /** The end; without a reason it succeeded. */
  | { readonly _tag: "Ended"; readonly id: number; readonly reason: SerializedReason | undefined }

export const serializeFileError = ({ filename, reason }: FileStoreError): SerializedFileError => {
  const { _tag, peerMessage: answer, code, detail } = reason
  return { filename, reason: { _tag, peerMessage: answer, code, detail } }
}

/** What an error needs of its reason is all there. */
export const deserializeReason = ({ reason }: SerializedFileError) => reason as unknown as Reason
