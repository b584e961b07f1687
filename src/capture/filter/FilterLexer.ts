/** Splits the text of a display filter into words, quoted strings and symbols. Pure. */
import * as Result from "effect/Result"
import { FilterError } from "./FilterError.ts"

/** A piece of a filter with its position in the text. */
export interface Token {
  readonly _tag: "Word" | "Quoted" | "Symbol" | "End"
  /** The word, the contents of the string, or the symbol. */
  readonly text: string
  readonly position: number
  /** The piece as written, for messages. */
  readonly raw: string
}

/** Maximum length of the text of a filter, in characters. */
const maxFilterChars = 16_384

/** Symbols, the longer ones before their beginnings. */
const symbols = ["==", "!=", ">=", "<=", "&&", "||", "^^", "..", "(", ")", "{", "}", ",", "<", ">", "!", "&", "~"]

const wordPattern = /(?:(?!\.\.)[\p{L}\p{N}_.:/+*?-])+/uy

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", "0": "\0", "\\": "\\", '"': '"' }

/** Replaces the escapes of a string; one that is not known stays, so that regular expressions can be written. */
const replaceEscapes = (text: string) =>
  text.replace(/\\(?:x([0-9a-fA-F]{2})|([\s\S]))/g, (whole, hex: string | undefined, character: string | undefined) =>
    hex === undefined ? (escapes[character!] ?? whole) : String.fromCharCode(Number.parseInt(hex, 16))
  )

const quotedPattern = /(r?)"((?:[^"\\]|\\[\s\S])*)"/y

const matchAt = (pattern: RegExp, text: string, at: number) => {
  pattern.lastIndex = at
  return pattern.exec(text)
}

const tokenAt = (text: string, position: number): Token | undefined => {
  const quoted = matchAt(quotedPattern, text, position)
  if (quoted !== null) {
    const [raw, prefix, contents] = quoted
    return { _tag: "Quoted", text: prefix === "r" ? contents! : replaceEscapes(contents!), position, raw }
  }
  const symbol = symbols.find((each) => text.startsWith(each, position))
  if (symbol !== undefined) return { _tag: "Symbol", text: symbol, position, raw: symbol }
  const word = matchAt(wordPattern, text, position)?.[0]
  return word === undefined ? undefined : { _tag: "Word", text: word, position, raw: word }
}

const failure = (text: string, position: number) => {
  const character = String.fromCodePoint(text.codePointAt(position)!)
  return character === '"'
    ? new FilterError({ position, expected: "a closing quote", found: "the end", fix: 'write "text", with \\" inside' })
    : new FilterError({ position, expected: "a field, a value or an operator", found: JSON.stringify(character) })
}

/** Returns the tokens of a filter, the last one of kind `End`. */
export const tokens = (text: string): Result.Result<ReadonlyArray<Token>, FilterError> => {
  if (text.length > maxFilterChars) {
    const found = `${text.length} characters`
    return Result.fail(new FilterError({ position: maxFilterChars, expected: `${maxFilterChars} at most`, found }))
  }
  const found: Array<Token> = []
  for (let position = 0; ; ) {
    while (position < text.length && /\s/.test(text[position]!)) position++
    if (position === text.length) {
      found.push({ _tag: "End", text: "", position, raw: "the end" })
      return Result.succeed(found)
    }
    const token = tokenAt(text, position)
    if (token === undefined) return Result.fail(failure(text, position))
    found.push(token)
    position += token.raw.length
  }
}
