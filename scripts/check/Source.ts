/** A file as the rules read it: its text, and the same text without comments and without the contents of strings. */

/** An import or re-export: its specifier, clause and line. */
export interface Import {
  readonly line: number
  readonly specifier: string
  /** The text between `import` or `export` and `from`; empty for `import "x"` and `import("x")`. */
  readonly clause: string
}

/** A file of the repository. All forms of its text have the same length, so an index is the same place in each. */
export interface Source {
  /** From the root of the repository, with `/`. */
  readonly path: string
  readonly text: string
  /** Comments blanked. */
  readonly bare: string
  /** Comments and the insides of strings, templates and regular expressions blanked. */
  readonly code: string
  readonly imports: ReadonlyArray<Import>
}

/** The files of a repository, by path. */
export type Tree = ReadonlyMap<string, Source>

const tokens = {
  comment: /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/y,
  string: /"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?/y,
  template: /(?:\\[\s\S]|\$(?!\{)|[^`\\$])*(?:`|\$\{|$)/y,
  regex: /\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/y,
  word: /[\w$]+/y
}

/** Matches text after which a slash begins a regular expression; after other text it divides. */
const beforeRegex = /(?:^|[([{},;=:!&|?+\-*%~^<>\n]|\b(?:return|typeof|case|in|of|yield|await|else|do))$/

const blank = (text: string) => text.replace(/[^\n]/g, " ")
const hollow = (text: string) => (text.length < 2 ? text : `${text[0]}${blank(text.slice(1, -1))}${text.at(-1)}`)

const strip = (text: string): Pick<Source, "bare" | "code"> => {
  const braces: Array<number> = []
  let bare = ""
  let code = ""
  let depth = 0
  let at = 0
  const take = (token: RegExp) => {
    token.lastIndex = at
    return token.exec(text)?.[0]
  }
  const put = (piece: string, inBare: string, inCode: string) => {
    at += piece.length
    bare += inBare
    code += inCode
  }
  /** Consumes a template from a backtick, or from the brace that ends a `${}`, to the next of either. */
  const template = () => {
    put(text[at]!, text[at]!, text[at]!)
    const piece = take(tokens.template) ?? ""
    if (piece.endsWith("${")) braces.push(depth++)
    put(piece, piece, hollow(` ${piece}`).slice(1))
  }
  while (at < text.length) {
    const char = text[at]!
    const comment = take(tokens.comment)
    const string = comment ?? take(tokens.string)
    if (comment !== undefined) put(comment, blank(comment), blank(comment))
    else if (string !== undefined) put(string, string, hollow(string))
    else if (char === "`") template()
    else if (char === "}" && braces.at(-1) === depth - 1) {
      depth = braces.pop()!
      template()
    } else {
      const regex = char === "/" && beforeRegex.test(code.slice(-80).trimEnd()) ? take(tokens.regex) : undefined
      const piece = regex ?? take(tokens.word) ?? char
      if (piece === "{") depth++
      if (piece === "}") depth--
      put(piece, piece, regex === undefined ? piece : hollow(piece))
    }
  }
  return { bare, code }
}

/** Returns the line of an index, from 1. */
export const lineOf = (text: string, index: number): number => text.slice(0, index).split("\n").length

const importsOf = ({ bare, code }: Pick<Source, "bare" | "code">): ReadonlyArray<Import> =>
  [...bare.matchAll(/(?<!\.)\b(from|import)\b\s*\(?\s*(["'])([^"'\n]*)\2/g)]
    .filter(({ 1: keyword = "", index }) => code.startsWith(keyword, index))
    .map(({ 1: keyword, 3: specifier = "", index }) => ({
      line: lineOf(bare, index),
      specifier,
      clause: keyword === "from" ? (/\b(?:import|export)\b([^;"']*)$/.exec(bare.slice(0, index))?.[1] ?? "").trim() : ""
    }))

/** Parses a file. Only TypeScript has code and imports. */
export const make = (path: string, text: string): Source => {
  if (!path.endsWith(".ts")) return { path, text, bare: "", code: "", imports: [] }
  const stripped = strip(text)
  return { path, text, ...stripped, imports: importsOf(stripped) }
}

/** Builds a repository from texts by path. */
export const tree = (files: Readonly<Record<string, string>>): Tree =>
  new Map(Object.entries(files).map(([path, text]) => [path, make(path, text)]))
