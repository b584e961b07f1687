/** Events of a session of `connect` or `listen`, as JSON. Pure. */
import * as Base64 from "effect/encoding/Base64"

/** A chunk of bytes: as text if it is UTF-8, else in Base64. */
export type Content = { readonly text: string } | { readonly base64: string }

/** An event. `remote` is the address of the peer. */
export type SessionEvent =
  | { readonly event: "listening"; readonly address: string; readonly port?: number }
  | { readonly event: "connected"; readonly local: string; readonly remote: string }
  | ({ readonly event: "sent" | "received"; readonly remote: string; readonly bytes: number } & Content)
  | { readonly event: "inputEnded" | "peerEnded"; readonly remote: string }
  | {
      readonly event: "closed"
      readonly remote: string
      readonly sent: number
      readonly received: number
      /** `idle`: the timeout expired; else the message of an error. Absent for a normal end. */
      readonly reason?: string
    }

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Returns a chunk for JSON. */
export const content = (bytes: Uint8Array): Content => {
  try {
    return { text: decoder.decode(bytes) }
  } catch {
    return { base64: Base64.encode(bytes) }
  }
}
