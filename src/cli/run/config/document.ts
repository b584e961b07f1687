/** The parser of configuration files, a subset of YAML without aliases and tags, with the place of each value. Pure. */
import * as Result from "effect/Result"
import * as Yaml from "yaml"
import type { Place } from "../../common/settings/ConfigFile.ts"

/** A value and its place. Numbers and words are texts: each option has a parser of its own. */
export type Node =
  | { readonly _tag: "Text"; readonly place: Place; readonly text: string }
  | { readonly _tag: "List"; readonly place: Place; readonly items: ReadonlyArray<Node> }
  | { readonly _tag: "Map"; readonly place: Place; readonly entries: ReadonlyArray<Entry> }

/** A key of a map, its place, and its value. */
interface Entry {
  readonly key: string
  readonly place: Place
  readonly value: Node
}

/** A map at the top of a document. */
export type Document = Extract<Node, { readonly _tag: "Map" }>

/** An error in a document. */
export interface DocumentError {
  readonly place: Place
  readonly message: string
}

/** Most characters of a document. */
export const maxDocumentChars = 262_144

/** Most collections around a value; a service in `up` has four. The parser is recursive. */
const maxDepth = 16

const start: Place = { line: 1, column: 1 }

const fail = (place: Place, message: string) => Result.fail<DocumentError>({ place, message })

/** Messages for the errors of the parser: their meaning here, and what to do. */
export const explanations: Readonly<Record<Yaml.ErrorCode, string>> = {
  ALIAS_PROPS: "aliases are not supported: repeat the value",
  BAD_ALIAS:
    "anchors and aliases are not supported: repeat the value, and put a text that begins with & or * in quotes",
  BAD_COLLECTION_TYPE: "a value cannot have a tag: remove the word with !",
  BAD_DIRECTIVE: "directives are not supported: remove the line that begins with %",
  BAD_DQ_ESCAPE: "unknown escape in a text in double quotes: write \\\\ for a backslash, or use single quotes",
  BAD_INDENT:
    "wrong indentation, or a bracket or brace without its end: begin options of one section in the same column",
  BAD_PROP_ORDER: "anchors and tags are not supported: remove the word with & or !",
  BAD_SCALAR_START: "a text cannot begin with this character: put the text in quotes",
  BLOCK_AS_IMPLICIT_KEY: "a value with a colon and a space, or at its end, needs quotes, such as host: '::'",
  BLOCK_IN_FLOW: "braces and brackets cannot contain indented options: write them as { port: 2067 }",
  DUPLICATE_KEY: "the key is there twice: remove one",
  IMPOSSIBLE: "this line cannot be read: write options as port: 2067",
  KEY_OVER_1024_CHARS:
    "the name of an option is too long (limit 1024 characters): put quotes around a value with a colon",
  MISSING_CHAR: "a quote, bracket, brace, comma, colon or space is missing: add it here or before",
  MULTILINE_IMPLICIT_KEY: "the name of an option must end with a colon on its line: write it as port: 2067",
  MULTIPLE_ANCHORS: "anchors are not supported: remove the words with &",
  MULTIPLE_DOCS: "the file has a second document: remove the line ---",
  MULTIPLE_TAGS: "a value cannot have a tag: remove the words with !",
  NON_STRING_KEY: "the name of an option must be a text: remove the brackets, the braces or the question mark",
  RESOURCE_EXHAUSTION: "the file is nested too deeply or too large: split it",
  TAB_AS_INDENT: "a tab cannot indent a line: use spaces",
  TAG_RESOLVE_FAILED: "a value cannot have a tag: remove the word with !",
  UNEXPECTED_TOKEN: "unexpected text: remove it, or put the whole value in quotes"
}

/** A file of TOML or of the INI format: its first line, apart from comments, is a section or an assignment. */
const otherFormat = /^(?:[ \t]*(?:[#;].*)?\r?\n)*[ \t]*(?:\[+[\w.-]+\]+[ \t]*\r?\n|[\w.-]+[ \t]*=)/

/** Message for a file in another format. */
export const notYaml = "the file must be YAML, not TOML or INI: write options as rot13: { port: 2067 }"

/** Message for a line that begins in no column of the section before it. */
export const wrongIndentation = "wrong indentation: begin options of one section in the same column"

/** Codes of the parser's errors for a line of its own: at the start of a line, they are about its indentation. */
const indentationCodes: ReadonlySet<Yaml.ErrorCode> = new Set(["BAD_INDENT", "BLOCK_AS_IMPLICIT_KEY", "MISSING_CHAR"])

/** The spaces of a line before its text, and the lines before it without any. */
const indentation = /(?: *(?:#.*)?\r?\n)* +(?=[^\s#])/y

/** A further line of a value that has a colon: an option that is indented more than those before it. */
const deeperOption = /\n *(?=[^\s#].*:(?:\s|$))/g

const endOfMatch = (pattern: RegExp, text: string, from: number) => {
  const scanner = new RegExp(pattern)
  scanner.lastIndex = from
  return scanner.test(text) ? scanner.lastIndex : undefined
}

/** Returns the offset of the first text that is wrongly indented, if that is what an error of the parser means. */
const offsetOfIndentation = (text: string, { contents, errors }: Yaml.Document.Parsed, problem: Yaml.YAMLError) => {
  const { code, pos } = problem
  const [offset] = pos
  const isLineStart = text[offset - 1] === "\n"
  if (isLineStart && indentationCodes.has(code)) return endOfMatch(indentation, text, offset)
  // A value of several lines before a colon: its second line was meant as an option.
  if (code === "BLOCK_AS_IMPLICIT_KEY" && errors.some((one) => isTwin(one, offset)))
    return endOfMatch(deeperOption, text, offset)
  const isBelowFirst = isLineStart && code === "UNEXPECTED_TOKEN" && Yaml.isMap(contents) && isIndented(text, contents)
  return isBelowFirst ? offset : undefined
}

const isTwin = ({ code, pos }: Yaml.YAMLError, offset: number) => code === "MULTILINE_IMPLICIT_KEY" && pos[0] === offset

/** Tests if the first option of the document is indented. */
const isIndented = (text: string, { flow, range }: Yaml.YAMLMap.Parsed) => flow !== true && text[range[0] - 1] === " "

/** Tokens of the lexer that are not in the text. */
const markers: ReadonlySet<string> = new Set([Yaml.CST.DOCUMENT, Yaml.CST.FLOW_END, Yaml.CST.SCALAR])

/** Returns the offset of the first token that is nested too deeply. */
const offsetTooDeep = (text: string): number | undefined => {
  let offset = 0
  let flows = 0
  let dashes = 0
  for (const token of new Yaml.Lexer().lex(text)) {
    if (token === "[" || token === "{") flows++
    else if (token === "]" || token === "}") flows = Math.max(0, flows - 1)
    else if (token === "-" || token === "?") dashes++
    else if (token.trim() !== "" || token.includes("\n")) dashes = 0
    if (flows > maxDepth || dashes > maxDepth) return offset
    if (!markers.has(token)) offset += token.length
  }
  return undefined
}

/** Parses a document. Fails with its first error. */
export const parse = (text: string): Result.Result<Document, DocumentError> => {
  if (text.length > maxDocumentChars)
    return fail(start, `the file is too long (more than ${maxDocumentChars / 1_024} KiB): split it`)
  const lines = new Yaml.LineCounter()
  lines.addNewLine(0)
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines.addNewLine(at + 1)
  const placeOf = (offset: number): Place => {
    const { col, line } = lines.linePos(offset)
    return { line, column: col }
  }
  const tooDeep = offsetTooDeep(text)
  if (tooDeep !== undefined) return fail(placeOf(tooDeep), `nested too deeply (more than ${maxDepth} levels)`)
  const document = Yaml.parseDocument(text, {
    schema: "failsafe",
    stringKeys: true,
    prettyErrors: false,
    logLevel: "error"
  })
  const [problem] = [...document.errors, ...document.warnings].sort((one, other) => one.pos[0] - other.pos[0])
  const explain = (message: string) => (otherFormat.test(text) ? notYaml : message)
  if (problem !== undefined) {
    const indented = offsetOfIndentation(text, document, problem)
    return indented === undefined
      ? fail(placeOf(problem.pos[0]), explain(explanations[problem.code]))
      : fail(placeOf(indented), explain(wrongIndentation))
  }
  return Result.flatMap(convert(document.contents, placeOf, 0), (node) =>
    node._tag === "Map"
      ? Result.succeed(node)
      : node._tag === "Text" && node.text === ""
        ? Result.succeed<Document>({ _tag: "Map", place: start, entries: [] })
        : fail(node.place, explain("expected options by service, such as rot13: { port: 2067 }"))
  )
}

const convert = (
  node: unknown,
  placeOf: (offset: number) => Place,
  depth: number
): Result.Result<Node, DocumentError> => {
  if (node === null) return Result.succeed({ _tag: "Text", place: start, text: "" })
  const place = Yaml.isNode(node) && node.range ? placeOf(node.range[0]) : start
  if (Yaml.isAlias(node)) return fail(place, "aliases are not supported: repeat the value")
  if (Yaml.isNode(node) && "anchor" in node && node.anchor !== undefined)
    return fail(place, "anchors are not supported: remove the word with &")
  if (depth > maxDepth) return fail(place, `nested too deeply (more than ${maxDepth} levels)`)
  if (Yaml.isScalar(node)) return Result.succeed({ _tag: "Text", place, text: String(node.value) })
  if (Yaml.isSeq(node)) {
    return Result.map(
      Result.all(node.items.map((item) => convert(item, placeOf, depth + 1))),
      (items): Node => ({
        _tag: "List",
        place,
        items
      })
    )
  }
  if (!Yaml.isMap(node)) return fail(place, "expected a text, a list or options")
  const entries = node.items.map(({ key, value }) =>
    Result.map(convert(value, placeOf, depth + 1), (value): Entry => {
      const at = Yaml.isScalar(key) && key.range ? placeOf(key.range[0]) : place
      return { key: Yaml.isScalar(key) ? String(key.value) : "", place: at, value }
    })
  )
  return Result.map(Result.all(entries), (entries): Node => ({ _tag: "Map", place, entries }))
}
