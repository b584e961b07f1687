/** Requests that make a service show its protocol, and the recognition of replies. Pure; none changes anything. */
import * as TerminalText from "../../network/TerminalText.ts"
import type { Transport } from "./PortTest.ts"

/** A recognized service. @category models @since 0.1.0 */
export interface Identity {
  /** Protocol, such as `http`. */
  readonly service: string
  /** Product and version as the service states them, one line without control characters. */
  readonly detail?: string | undefined
}

/** A request, and the recognition of the reply to it. @category models @since 0.1.0 */
export interface ServiceProbe {
  readonly service: string
  readonly transport: Transport
  /** Ports at which this probe is the first one. */
  readonly ports: ReadonlyArray<number>
  /** Default: none, since the server speaks first. */
  readonly request?: Uint8Array | undefined
  /** The reply names its protocol, whatever the request was. Default: only without a request. */
  readonly isSelfDescribing?: boolean | undefined
  /**
   * Returns the identity; undefined for the reply of another service, or a part of a line, since a reply may arrive in
   * pieces. It must accept any bytes.
   */
  readonly identify: (reply: Uint8Array, port: number) => Identity | undefined
}

/** Most characters of a detail. */
const maxDetailChars = 80

/** Returns the text of another program as one safe line. */
export const detailOf = (text: string): string | undefined => {
  const line = TerminalText.truncate(TerminalText.escape(text.trim()), maxDetailChars)
  return line === "" ? undefined : line
}

const utf8 = new TextDecoder()

/** Bytes of a reply that are read as text. */
export const maxTextBytes = 4_096

export const textOf = (reply: Uint8Array): string => utf8.decode(reply.subarray(0, maxTextBytes))

/** Returns the first line of a text. */
export const firstLine = (text: string): string => /^[^\r\n]*/.exec(text)![0]

/** Recognizes a text by a pattern, whose first group is the detail. */
export const byText =
  (service: string, pattern: RegExp): ServiceProbe["identify"] =>
  (reply) => {
    const match = pattern.exec(textOf(reply))
    return match === null ? undefined : { service, detail: detailOf(match[1] ?? "") }
  }
