/** Events of a server, for programs that subscribe to them, and their text in the log. */

import * as Result from "effect/Result"
import type * as Endpoint from "../network/Endpoint.ts"
import * as Quantity from "../network/Quantity.ts"
import * as NameText from "./protocol/NameText.ts"
import type * as Packet from "./protocol/Packet.ts"
import * as FileName from "./store/FileName.ts"
import type * as TftpError from "./TftpError.ts"
import type * as Transfer from "./transfer/Transfer.ts"

/** The identity of a transfer of a server. @category models @since 0.1.0 */
export interface TransferInfo {
  /** The sequence number of the request, from 1. */
  readonly id: number
  readonly kind: "RRQ" | "WRQ"
  /** The name as sent by the client; print it with `NameText.escape`. */
  readonly filename: string
  readonly mode: Packet.Mode
  /** The client's address and port. */
  readonly client: Endpoint.Endpoint
}

/** The file of a transfer, by its names in the store. @category models @since 0.1.0 */
export interface TransferredFile {
  /** The path on this host; undefined if it has none. */
  readonly path: string | undefined
  /** The name below the root of the store, its parts joined by `/`; undefined if it has none. */
  readonly name: string | undefined
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
      /** The path of the file on this host; undefined if it has none. */
      readonly path: string | undefined
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
  /** The server stopped a transfer, or the client requested another one before its file was open. */
  | { readonly _tag: "Stopped"; readonly transfer: TransferInfo; readonly summary: Transfer.Summary }
  /** All transfers were in use, and the client had not replied yet: the server gave its place to another client. */
  | { readonly _tag: "GaveWay"; readonly transfer: TransferInfo }
  /** The server received the request of a running transfer again. */
  | { readonly _tag: "Duplicate"; readonly transfer: TransferInfo }

const format = ({ client, filename, kind, mode }: TransferInfo, direction: "from" | "to") =>
  `${kind} ${NameText.escape(filename)} ${mode} ${direction} ${client.address} port ${client.port}`

const summaryFields = ({ blksize, bytes, malformed, resent, rtt, windowsize }: Transfer.Summary) => ({
  bytes,
  blksize,
  windowsize,
  resent,
  malformed,
  rttMillis: rtt?.smoothed
})

/** Returns the values of an event that are its own, besides the transfer and the summary. */
const ownFields = (event: Event) => {
  switch (event._tag) {
    case "Finished":
      return { millis: event.millis, path: event.path === undefined ? undefined : NameText.escape(event.path) }
    case "Refused":
      return { peerMessage: event.peerMessage }
    case "Failed":
      return { reason: event.error.reason._tag }
    default:
      return {}
  }
}

/**
 * Returns an event as one record of texts and numbers, for a log that programs read. Unknown values are undefined.
 *
 * @category formatting
 * @since 0.1.0
 */
export const fields = (event: Event): Readonly<Record<string, string | number | undefined>> => {
  const { client, filename, id, kind, mode } = event.transfer
  return {
    event: event._tag,
    transfer: id,
    kind,
    file: NameText.escape(filename),
    mode,
    client: client.address,
    port: client.port,
    ...("summary" in event ? summaryFields(event.summary) : {}),
    ...ownFields(event)
  }
}

/** Formats a transfer for the log. @category formatting @since 0.1.0 */
export const describe = (transfer: TransferInfo) => format(transfer, transfer.kind === "RRQ" ? "to" : "from")

/** Formats a refused request for the log. @category formatting @since 0.1.0 */
export const describeRequest = (transfer: TransferInfo) => format(transfer, "from")

/** Formats the result of a transfer for the log. @category formatting @since 0.1.0 */
export const describeSummary = (
  { blksize, bytes, malformed, resent, windowsize }: Transfer.Summary,
  millis: number
) => {
  const rate = millis === 0 ? "" : `, ${(bytes / 1_000 / millis).toFixed(1)} MB/s`
  return `${Quantity.format(bytes, "byte")} in ${(millis / 1_000).toFixed(2)} s${rate}, blksize ${blksize}, windowsize ${windowsize}, ${resent} resent${malformed === 0 ? "" : `, ${malformed} malformed`}`
}

/**
 * Formats the name of a transferred file for the log; empty if it is that of the request.
 *
 * @category formatting
 * @since 0.1.0
 */
export const describeFile = ({ filename }: TransferInfo, { name }: TransferredFile) => {
  const requested = Result.map(FileName.parse(filename), (parts) => parts.join("/"))
  return name === undefined || Result.getOrUndefined(requested) === name ? "" : `, file ${NameText.escape(name)}`
}
