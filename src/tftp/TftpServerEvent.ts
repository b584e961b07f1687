/** Events of a server, for programs that subscribe to them, and their text in the log. */

import type * as Endpoint from "../network/Endpoint.ts"
import * as Quantity from "../network/Quantity.ts"
import * as TerminalText from "../network/TerminalText.ts"
import type * as Packet from "./protocol/Packet.ts"
import type * as TftpError from "./TftpError.ts"
import type * as Transfer from "./transfer/Transfer.ts"

/** The identity of a transfer of a server. @category models @since 0.1.0 */
export interface TransferInfo {
  /** The sequence number of the request, from 1. */
  readonly id: number
  readonly kind: "RRQ" | "WRQ"
  readonly filename: string
  readonly mode: Packet.Mode
  /** The client's address and port. */
  readonly client: Endpoint.Endpoint
}

/** An event of a server. @category models @since 0.1.0 */
export type Event =
  /** The server accepted a request. */
  | { readonly _tag: "Started"; readonly transfer: TransferInfo }
  /** The progress of a running transfer: at most four events a second. */
  | { readonly _tag: "Progress"; readonly transfer: TransferInfo; readonly summary: Transfer.Summary }
  /** A transfer succeeded, after `millis` milliseconds. */
  | {
      readonly _tag: "Finished"
      readonly transfer: TransferInfo
      readonly summary: Transfer.Summary
      readonly millis: number
    }
  /** The client sent an ERROR in reply to the OACK, as UEFI does to learn the size of a file. */
  | { readonly _tag: "Probed"; readonly transfer: TransferInfo }
  /** The server refused the request; `peerMessage` is the message of the ERROR sent to the client. */
  | { readonly _tag: "Refused"; readonly transfer: TransferInfo; readonly peerMessage: string }
  /** A transfer failed. */
  | {
      readonly _tag: "Failed"
      readonly transfer: TransferInfo
      readonly error: TftpError.TftpError
      readonly summary: Transfer.Summary
    }

/** Formats a transfer for the log. @category formatting @since 0.1.0 */
export const describe = ({ client, filename, kind, mode }: TransferInfo) =>
  `${kind} ${TerminalText.escape(filename)} ${mode} ${kind === "RRQ" ? "to" : "from"} ${client.address} port ${client.port}`

/** Formats the result of a transfer for the log. @category formatting @since 0.1.0 */
export const describeSummary = ({ blksize, bytes, resent, windowsize }: Transfer.Summary, millis: number) => {
  const rate = millis === 0 ? "" : `, ${(bytes / 1_000 / millis).toFixed(1)} MB/s`
  return `${Quantity.format(bytes, "byte")} in ${(millis / 1_000).toFixed(2)} s${rate}, blksize ${blksize}, windowsize ${windowsize}, ${resent} resent`
}
