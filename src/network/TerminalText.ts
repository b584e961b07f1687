/** Escaping and shortening of text that this process did not write, for a terminal or a log. Pure. */

/** Control characters, and those that change the direction of writing: a terminal would obey them. */
const unsafeCharacters = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu

const escapeCharacter = (character: string) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, "0")}`

/**
 * Escapes control characters as `\u001b`, so that the text is one line and safe for a terminal or a log.
 *
 * @category formatting
 * @since 0.1.0
 */
export const escape = (text: string): string => text.replaceAll(unsafeCharacters, escapeCharacter)

/**
 * Escapes control characters as `escape` does, except LF and TAB, for text of several lines. CR LF becomes LF. JSON
 * stays the same value.
 *
 * @category formatting
 * @since 0.1.0
 */
export const escapeLines = (text: string): string =>
  text
    .replaceAll("\r\n", "\n")
    .replaceAll(unsafeCharacters, (one) => (one === "\n" || one === "\t" ? one : escapeCharacter(one)))

/**
 * Returns a text of at most this number of characters, and `...` after it if it was longer.
 *
 * @category formatting
 * @since 0.1.0
 */
export const truncate = (text: string, maxChars: number): string =>
  text.length > maxChars ? `${text.slice(0, maxChars)}...` : text
