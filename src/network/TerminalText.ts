/** Escaping of text from a peer, for a terminal or a log. Pure. */

/** Control characters, and those that change the direction of writing: a terminal would obey them. */
const unsafeCharacters = /[\p{Cc}\p{Zl}\p{Zp}\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu

/**
 * Escapes control characters as `\u001b`, so that text of a peer is one line and safe for a terminal or a log.
 *
 * @category formatting
 * @since 0.1.0
 */
export const escape = (text: string): string =>
  text.replaceAll(unsafeCharacters, (one) => `\\u${one.codePointAt(0)!.toString(16).padStart(4, "0")}`)
