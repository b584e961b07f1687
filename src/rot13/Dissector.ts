/**
 * Dissector of rot13 over TCP and UDP, for captures. Pure.
 *
 * **Example** (A request)
 *
 * ```ts
 * import { Dissector } from "effect-inet/rot13"
 *
 * const [from, to] = [{ address: "192.0.2.1", port: 40_000 }, { address: "192.0.2.2", port: 1067 }]
 * const bytes = new TextEncoder().encode("Hello")
 * Dissector.dissector.dissect({ transport: "tcp", kind: "data", from, to, bytes })?.summary // => 'request "Hello"'
 * ```
 */
import * as FieldDissector from "../network/dissect/FieldDissector.ts"
import * as PayloadText from "../network/dissect/PayloadText.ts"

const kinds = { request: "REQUEST", reply: "REPLY", text: "TEXT" } as const

/**
 * The dissector of rot13 on port 1067. Any payload is one: kinds are `REQUEST` and `REPLY`, or `TEXT` if the direction
 * is not known.
 *
 * @category constants
 * @since 0.1.0
 */
export const dissector: FieldDissector.FieldDissector = FieldDissector.make({
  name: "rot13",
  ports: { tcp: [1067], udp: [1067] },
  fields: { "rot13.text": ["text", "Text of a request or a reply"] },
  decode: ({ bytes }, fromClient) => {
    const kind = fromClient === undefined ? "text" : fromClient ? "request" : "reply"
    const text = PayloadText.decode(bytes)
    const fields = text === undefined ? [] : [["rot13.text", text] as const]
    return { kind: kinds[kind], summary: `${kind} ${PayloadText.describe(bytes)}`, fields }
  }
})
