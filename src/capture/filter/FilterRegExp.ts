/** Regular expressions of display filters: without case, as Wireshark's, and on a bounded text. Pure. */

/** Maximum length of a regular expression, in characters. */
const maxPatternChars = 1_000

/** Maximum length of the text that is searched, in characters: the payload of the largest packet. */
const maxSearchedChars = 65_536

/** PCRE writes "ignore case" so at the start; here it always holds. */
const withoutFlags = (pattern: string) => pattern.replace(/^\(\?i\)/, "")

const compileUnsafe = (pattern: string) => new RegExp(withoutFlags(pattern), "i")

/** Returns what would be right instead of a pattern that is not accepted. */
export const problemOf = (pattern: string): string | undefined => {
  if (pattern.length > maxPatternChars) return `a regular expression of at most ${maxPatternChars} characters`
  try {
    compileUnsafe(pattern)
    return undefined
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^Invalid regular expression: /, "") : "invalid"
    return `a regular expression (${reason})`
  }
}

/** Returns the test of a pattern that has no problem. */
export const compile = (pattern: string): ((text: string) => boolean) => {
  const expression = compileUnsafe(pattern)
  return (text) => expression.test(text.length > maxSearchedChars ? text.slice(0, maxSearchedChars) : text)
}
