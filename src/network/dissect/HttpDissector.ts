/**
 * Dissector of HTTP/1.1 with short texts as bodies, such as those of an API. Kinds for the rules of fault plans are the
 * methods of requests and the status codes of responses: `POST`, `200`.
 *
 * **Example** (A request)
 *
 * ```ts
 * import { HttpDissector, Packet } from "effect-inet/network"
 *
 * const packet: Packet.Packet = {
 *   transport: "tcp",
 *   kind: "data",
 *   from: { address: "192.0.2.1", port: 40_000 },
 *   to: { address: "192.0.2.2", port: 80 },
 *   bytes: new TextEncoder().encode('POST /n HTTP/1.1\r\nhost: b\r\ncontent-length: 7\r\n\r\n{"n":1}')
 * }
 * HttpDissector.dissector.dissect(packet)?.summary // => 'POST /n {"n":1}'
 * ```
 */
import type * as Packet from "../Packet.ts"
import * as TerminalText from "../TerminalText.ts"
import * as PayloadText from "./PayloadText.ts"

const request = /^([A-Z]+) (\S+) HTTP\/1\.[01]\r\n/

const response = /^HTTP\/1\.[01] (\d{3})(?: ([^\r\n]*))?\r\n/

/** Start of a message: the kind, and the text for readers. */
const startOf = (text: string): readonly [kind: string, summary: string] | undefined => {
  const [, method, target] = request.exec(text) ?? []
  if (method !== undefined) return [method, `${method} ${target}`]
  const [, status, reason = ""] = response.exec(text) ?? []
  return status === undefined ? undefined : [status, `${status} ${reason}`.trimEnd()]
}

/** Dissector of HTTP/1.1: the start line without the version, and the body. @category dissectors @since 0.1.0 */
export const dissector: Packet.Dissector = {
  name: "http",
  dissect: ({ bytes }) => {
    const text = PayloadText.decode(bytes)
    const start = text === undefined ? undefined : startOf(text)
    if (text === undefined || start === undefined) return undefined
    const [kind, summary] = start
    const end = text.indexOf("\r\n\r\n")
    const body = end === -1 ? "\u2026" : text.slice(end + 4).replace(/\s+/g, " ")
    return { kind, summary: TerminalText.escape(`${summary} ${body}`.trimEnd()) }
  }
}
