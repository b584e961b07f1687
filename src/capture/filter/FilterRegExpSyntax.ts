/** Syntax of the regular expressions of display filters: those of JavaScript that need no backtracking. Pure. */

/** A regular expression as data. */
export type Node =
  /** One character, by the text of its literal, escape or class. */
  | { readonly _tag: "Character"; readonly source: string }
  | { readonly _tag: "Assertion"; readonly kind: "^" | "$" | "\\b" | "\\B" }
  | { readonly _tag: "Sequence"; readonly parts: ReadonlyArray<Node> }
  | { readonly _tag: "Choice"; readonly parts: ReadonlyArray<Node> }
  | { readonly _tag: "Repeat"; readonly part: Node; readonly minimum: number; readonly maximum: number }

/** Position in a pattern, which parsing advances. */
interface Cursor {
  readonly pattern: string
  at: number
}

/** Part of a pattern that is not supported. It leaves the recursion as an exception. */
export class Unsupported extends Error {}

/** A character class, an escape for one character, or any other character. */
const characterPattern =
  /\[(?:[^\]\\]|\\[\s\S])*\]|\\(?:x[\dA-Fa-f]{2}|u[\dA-Fa-f]{4}|0(?!\d)|[dDwWsSnrtfv]|[^\dA-Za-z])|[^\\]/y

const assertionPattern = /[$^]|\\[bB]/y

const quantifierPattern = /(?:([*+?])|\{(\d+)(?:(,)(\d*))?\})\??/y

/** Takes the text that a sticky expression finds. */
const take = (cursor: Cursor, expression: RegExp): RegExpExecArray | undefined => {
  expression.lastIndex = cursor.at
  const found = expression.exec(cursor.pattern)
  if (found === null) return undefined
  cursor.at += found[0].length
  return found
}

const unsupported = ({ at, pattern }: Cursor): never => {
  const part = /^(?:\(\?<?.|\\[\s\S]?)/.exec(pattern.slice(at))?.[0] ?? pattern[at]!
  throw new Unsupported(part)
}

const unquantified = (cursor: Cursor): Node => {
  if (take(cursor, /\((?:\?:|(?!\?))/y) !== undefined) {
    const inner = choice(cursor)
    cursor.at++
    return inner
  }
  if (cursor.pattern[cursor.at] === "(") return unsupported(cursor)
  const kind = take(cursor, assertionPattern)?.[0]
  if (kind !== undefined) return { _tag: "Assertion", kind: kind as "^" }
  const source = take(cursor, characterPattern)?.[0]
  return source === undefined ? unsupported(cursor) : { _tag: "Character", source }
}

const quantified = (cursor: Cursor): Node => {
  const part = unquantified(cursor)
  const quantifier = take(cursor, quantifierPattern)
  if (quantifier === undefined) return part
  const [, symbol, minimum, comma, maximum] = quantifier
  if (symbol !== undefined)
    return { _tag: "Repeat", part, minimum: symbol === "+" ? 1 : 0, maximum: symbol === "?" ? 1 : Infinity }
  const most = comma === undefined ? Number(minimum) : maximum === "" ? Infinity : Number(maximum)
  return { _tag: "Repeat", part, minimum: Number(minimum), maximum: most }
}

const sequence = (cursor: Cursor): Node => {
  const parts: Array<Node> = []
  while (cursor.at < cursor.pattern.length && !"|)".includes(cursor.pattern[cursor.at]!)) parts.push(quantified(cursor))
  return { _tag: "Sequence", parts }
}

const choice = (cursor: Cursor): Node => {
  const parts = [sequence(cursor)]
  while (cursor.pattern[cursor.at] === "|") {
    cursor.at++
    parts.push(sequence(cursor))
  }
  return parts.length === 1 ? parts[0]! : { _tag: "Choice", parts }
}

/** Parses a pattern that JavaScript accepts; throws `Unsupported`. */
export const parse = (pattern: string): Node => choice({ pattern, at: 0 })
