/** Dissector of rot13 over TCP and UDP, for captures. Pure. */
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
