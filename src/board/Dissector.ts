/**
 * Dissector of the shared board, for captures. Pure.
 *
 * **Example** (A command)
 *
 * ```ts
 * import { Dissector } from "effect-inet/board"
 *
 * const [from, to] = [{ address: "192.0.2.1", port: 40_000 }, { address: "192.0.2.2", port: 1069 }]
 * const bytes = new TextEncoder().encode("claim 1 2\n")
 * Dissector.dissector.dissect({ transport: "tcp", kind: "data", from, to, bytes })?.summary // => "claim 1 2"
 * ```
 */
import * as FieldDissector from "../network/dissect/FieldDissector.ts"
import * as PayloadText from "../network/dissect/PayloadText.ts"

/** Lines of a payload that its summary shows. */
const maxSummaryLines = 3

/** Lines of a payload whose commands or replies are fields. */
const maxFieldLines = 64

/** Returns the first word of a line; two numbers without a word are a claim. */
const verbOf = (line: string) => (/^\s*[-+0-9]/.test(line) ? "claim" : (/^\s*([a-z]+)/i.exec(line)?.[1] ?? line.trim()))

const withoutExplanation = (line: string) => line.split(":")[0]!

/**
 * The dissector of the shared board on port 1069. Kinds are `COMMAND` of a client and `REPLY`.
 *
 * @category constants
 * @since 0.1.0
 */
export const dissector: FieldDissector.FieldDissector = FieldDissector.make({
  name: "board",
  ports: { tcp: [1069] },
  fields: {
    "board.command": ["text", "First word of a command, such as `claim`"],
    "board.reply": ["text", "First word of a line of the server, such as `claimed`"]
  },
  decode: ({ bytes, transport }, fromClient) => {
    const text = transport === "tcp" ? PayloadText.decode(bytes) : undefined
    if (text === undefined) return undefined
    const isCommand = fromClient === true
    const lines = PayloadText.lines(text)
    const shown = lines
      .slice(0, maxSummaryLines)
      .map((line) => PayloadText.quote(withoutExplanation(line)).slice(1, -1))
    const hidden = lines.length - shown.length
    const name = isCommand ? "board.command" : "board.reply"
    return {
      kind: isCommand ? "COMMAND" : "REPLY",
      summary: `${shown.join(", ")}${hidden > 0 ? `, ${hidden} more lines` : ""}`,
      fields: lines.slice(0, maxFieldLines).map((line) => [name, verbOf(line)] as const)
    }
  }
})
