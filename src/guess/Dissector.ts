/**
 * Dissector of number guessing, for captures. Pure.
 *
 * **Example** (A guess)
 *
 * ```ts
 * import { Dissector } from "effect-inet/guess"
 *
 * const [from, to] = [{ address: "192.0.2.1", port: 40_000 }, { address: "192.0.2.2", port: 1500 }]
 * const bytes = new TextEncoder().encode("500\n")
 * Dissector.dissector.dissect({ transport: "tcp", kind: "data", from, to, bytes })?.summary // => "guess 500"
 * ```
 */
import * as FieldDissector from "../network/dissect/FieldDissector.ts"
import * as PayloadText from "../network/dissect/PayloadText.ts"
import * as Guess from "./Guess.ts"

const verdictPattern = /^(too big|too small|correct!)\r?\n/

const dissectReply = (text: string): FieldDissector.FieldDissection | undefined => {
  const verdict = verdictPattern.exec(text)?.[1]
  return verdict === undefined ? undefined : { kind: "VERDICT", summary: verdict, fields: [["guess.verdict", verdict]] }
}

/**
 * The dissector of number guessing on port 1500. Kinds are `GUESS` and `VERDICT`.
 *
 * @category constants
 * @since 0.1.0
 */
export const dissector: FieldDissector.FieldDissector = FieldDissector.make({
  name: "guess",
  ports: { tcp: [1500] },
  fields: {
    "guess.number": ["number", "Number that the client guesses"],
    "guess.verdict": ["text", "Reply: `too big`, `too small` or `correct!`"]
  },
  decode: ({ bytes, transport }, fromClient) => {
    const text = transport === "tcp" ? PayloadText.decode(bytes) : undefined
    if (text === undefined) return undefined
    const reply = fromClient === true ? undefined : dissectReply(text)
    if (reply !== undefined || fromClient === false) return reply
    const number = Guess.atoi(text.slice(0, 100))
    return { kind: "GUESS", summary: `guess ${number}`, fields: [["guess.number", number]] }
  }
})
