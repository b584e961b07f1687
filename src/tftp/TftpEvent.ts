/** What happens at a server: for apps that watch it, and for its log. */
import type * as Endpoint from "../network/Endpoint.ts"
import * as TerminalText from "../network/TerminalText.ts"
import type * as Packet from "./protocol/Packet.ts"
import type * as TftpError from "./TftpError.ts"
import type * as Transfer from "./transfer/Transfer.ts"

/** A transfer of a server. @category models @since 0.1.0 */
export interface TransferInfo {
  /** Counts from 1 in the order of requests. */
  readonly id: number
  readonly kind: "RRQ" | "WRQ"
  readonly filename: string
  readonly mode: Packet.Mode
  readonly client: Endpoint.Endpoint
}

/** What happens at a server. @category models @since 0.1.0 */
export type Event =
  | { readonly _tag: "Started"; readonly transfer: TransferInfo }
  /** Four times a second at most. */
  | { readonly _tag: "Progress"; readonly transfer: TransferInfo; readonly summary: Transfer.Summary }
  | {
      readonly _tag: "Finished"
      readonly transfer: TransferInfo
      readonly summary: Transfer.Summary
      readonly millis: number
    }
  /** The client only wanted to know the size, as UEFI does. */
  | { readonly _tag: "Probed"; readonly transfer: TransferInfo }
  /** No transfer came of the request; `answer` is what the client was told. */
  | { readonly _tag: "Refused"; readonly transfer: TransferInfo; readonly peerMessage: string }
  | {
      readonly _tag: "Failed"
      readonly transfer: TransferInfo
      readonly error: TftpError.TftpError
      readonly summary: Transfer.Summary
    }

/** A transfer, in the words of the log. @category formatting @since 0.1.0 */
export const describe = ({ client, filename, kind, mode }: TransferInfo) =>
  `${kind} ${TerminalText.escape(filename)} ${mode} ${kind === "RRQ" ? "to" : "from"} ${client.address} port ${client.port}`

/** How a transfer went, in the words of the log. @category formatting @since 0.1.0 */
export const describeSummary = ({ blksize, bytes, resent, windowsize }: Transfer.Summary, millis: number) => {
  const rate = millis === 0 ? "" : `, ${(bytes / 1_000 / millis).toFixed(1)} MB/s`
  return `${bytes} bytes in ${(millis / 1_000).toFixed(2)} s${rate}, blksize ${blksize}, windowsize ${windowsize}, ${resent} resent`
}
