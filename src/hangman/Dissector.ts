/**
 * Dissector of hangman in all dialects, for captures. Pure.
 *
 * **Example** (A guess)
 *
 * ```ts
 * import { Dissector } from "effect-inet/hangman"
 *
 * const [from, to] = [{ address: "192.0.2.1", port: 40_000 }, { address: "192.0.2.2", port: 1066 }]
 * const bytes = new TextEncoder().encode("e\n")
 * Dissector.dissector.dissect({ transport: "tcp", kind: "data", from, to, bytes })?.summary // => 'input "e"'
 * ```
 */
import * as FieldDissector from "../network/dissect/FieldDissector.ts"
import * as PayloadText from "../network/dissect/PayloadText.ts"

/** Line of a classic dialect: the word and the lives. */
const classicLine = /^ ?([a-z-]{1,100}) {1,3}(\d{1,3}) ?$/m

const friendlyWord = /^Word {3}(.{1,200})$/m
const friendlyLives = /^Lives {2}(\d{1,3}) of/m

const stateOf = (text: string) => {
  const [word, lives] = [friendlyWord.exec(text)?.[1], friendlyLives.exec(text)?.[1]]
  if (word !== undefined && lives !== undefined) return { word: word.replaceAll(" ", ""), lives: Number(lives) }
  const classic = classicLine.exec(text)
  return classic === null ? undefined : { word: classic[1]!, lives: Number(classic[2]) }
}

/**
 * The dissector of hangman on ports 1066 and 1068. Kinds are `INPUT` of a client, `BOARD` with a word and the lives,
 * and `TEXT`.
 *
 * @category constants
 * @since 0.1.0
 */
export const dissector: FieldDissector.FieldDissector = FieldDissector.make({
  name: "hangman",
  ports: { tcp: [1066, 1068] },
  fields: {
    "hangman.input": ["text", "Line of the client: a guess, a name or a command"],
    "hangman.word": ["text", "Word, with `-` for letters that are not known"],
    "hangman.lives": ["number", "Lives that are left"]
  },
  decode: ({ bytes, transport }, fromClient) => {
    const text = transport === "tcp" ? PayloadText.decode(bytes) : undefined
    if (text === undefined) return undefined
    const state = fromClient === true ? undefined : stateOf(text)
    if (state !== undefined) {
      const { lives, word } = state
      const summary = `word ${word}, ${lives === 1 ? "1 life" : `${lives} lives`}`
      return {
        kind: "BOARD",
        summary,
        fields: [
          ["hangman.word", word],
          ["hangman.lives", lives]
        ]
      }
    }
    const [line = ""] = PayloadText.lines(text)
    if (fromClient !== true) return { kind: "TEXT", summary: PayloadText.quote(line), fields: [] }
    return { kind: "INPUT", summary: `input ${PayloadText.quote(line)}`, fields: [["hangman.input", line]] }
  }
})
