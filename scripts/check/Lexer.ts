/**
 * Blanks comments and the contents of strings in a program, so that patterns find code only. Pure.
 *
 * It knows elements of JSX: their text is the contents of a string, and braces within them hold expressions.
 */

/** A program without its comments, and without the contents of its strings: texts of the same length. */
export interface Stripped {
  /** Comments blanked. */
  readonly bare: string
  /** Comments and the insides of strings, templates, regular expressions and elements blanked. */
  readonly code: string
}

const tokens = {
  comment: /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/y,
  string: /"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?/y,
  template: /(?:\\[\s\S]|\$(?!\{)|[^`\\$])*(?:`|\$\{|$)/y,
  regex: /\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/y,
  word: /[\w$]+/y,
  /** The begin of an element or a fragment, but not of type parameters. */
  element: /<(?!const\b)(?:(?=>)|[A-Za-z][\w.:-]*(?=[\s/>])(?!\s+extends\b))/y,
  attribute: /"[^"]*"|'[^']*'/y,
  closing: /<\/[^>]*>?/y,
  childText: /[^<{]+/y
}

/** Matches text after which a slash begins a regular expression; after other text it divides. */
const beforeRegex = /(?:^|[([{},;=:!&|?+\-*%~^<>\n]|\b(?:return|typeof|case|in|of|yield|await|else|do))$/

/** Matches text after which `<` begins an element; after other text it compares, or begins type arguments. */
const beforeElement = /(?:^|[([{,;=:&|?]|=>|\b(?:return|case|yield|await|else))$/

const blank = (text: string) => text.replace(/[^\n]/g, " ")
const hollow = (text: string) => (text.length < 2 ? text : `${text[0]}${blank(text.slice(1, -1))}${text.at(-1)}`)

/** The place of a reader in a program, and the output before it. */
class Cursor {
  bare = ""
  code = ""
  at = 0
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  get char(): string {
    return this.text[this.at] ?? ""
  }

  get isAtEnd(): boolean {
    return this.at >= this.text.length
  }

  take(token: RegExp): string | undefined {
    token.lastIndex = this.at
    return token.exec(this.text)?.[0]
  }

  put(piece: string, inBare: string = piece, inCode: string = inBare): void {
    this.at += piece.length
    this.bare += inBare
    this.code += inCode
  }

  follows(before: RegExp): boolean {
    return before.test(this.code.slice(-80).trimEnd())
  }
}

/** Reads a template from its first backtick to its last. */
const template = (cursor: Cursor, isJsx: boolean): void => {
  cursor.put("`")
  for (;;) {
    const piece = cursor.take(tokens.template) ?? ""
    cursor.put(piece, piece, hollow(` ${piece}`).slice(1))
    if (!piece.endsWith("${")) return
    program(cursor, isJsx, true)
    cursor.put(cursor.char)
  }
}

/** Reads an expression in the braces of an element. */
const braces = (cursor: Cursor): void => {
  cursor.put("{")
  program(cursor, true, true)
  cursor.put(cursor.char)
}

/** Reads the children of an element and its closing tag. */
const children = (cursor: Cursor): void => {
  while (!cursor.isAtEnd) {
    const text = cursor.take(tokens.childText)
    const closing = cursor.take(tokens.closing)
    if (closing !== undefined) {
      cursor.put(closing)
      return
    }
    if (text !== undefined) cursor.put(text, text, blank(text))
    else if (cursor.char === "{") braces(cursor)
    else element(cursor)
  }
}

/** Reads an element with its attributes and children. */
const element = (cursor: Cursor): void => {
  cursor.put("<")
  while (!cursor.isAtEnd) {
    const comment = cursor.take(tokens.comment)
    const value = cursor.take(tokens.attribute)
    if (cursor.text.startsWith("/>", cursor.at)) {
      cursor.put("/>")
      return
    }
    if (cursor.char === ">") {
      cursor.put(">")
      children(cursor)
      return
    }
    if (comment !== undefined) cursor.put(comment, blank(comment))
    else if (value !== undefined) cursor.put(value, value, hollow(value))
    else if (cursor.char === "{") braces(cursor)
    else cursor.put(cursor.take(tokens.word) ?? cursor.char)
  }
}

/** Reads a program to its end or, in a template or an element, to the brace that ends the expression. */
const program = (cursor: Cursor, isJsx: boolean, isNested: boolean): void => {
  for (let depth = 0; !cursor.isAtEnd; ) {
    const { char } = cursor
    const comment = cursor.take(tokens.comment)
    const string = comment ?? cursor.take(tokens.string)
    if (comment !== undefined) cursor.put(comment, blank(comment))
    else if (string !== undefined) cursor.put(string, string, hollow(string))
    else if (char === "`") template(cursor, isJsx)
    else if (char === "}" && isNested && depth === 0) return
    else if (isJsx && cursor.take(tokens.element) !== undefined && cursor.follows(beforeElement)) element(cursor)
    else {
      const regex = char === "/" && cursor.follows(beforeRegex) ? cursor.take(tokens.regex) : undefined
      const piece = regex ?? cursor.take(tokens.word) ?? char
      if (piece === "{") depth++
      if (piece === "}") depth--
      cursor.put(piece, piece, regex === undefined ? piece : hollow(piece))
    }
  }
}

/** Strips a program: TypeScript, or TypeScript with JSX. */
export const strip = (text: string, isJsx: boolean): Stripped => {
  const cursor = new Cursor(text)
  program(cursor, isJsx, false)
  const { bare, code } = cursor
  return { bare, code }
}
