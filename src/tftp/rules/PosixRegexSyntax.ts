/** The syntax of extended regular expressions of POSIX, with the escapes `\w \s \b \< \>` of GNU. Pure. */
import * as Result from "effect/Result"

/** An error of an expression, and the column from 1. @category errors @since 0.1.0 */
export interface RegexError {
  readonly column: number
  readonly message: string
}

/** A place in the text, without a character. */
export type Assertion = "Start" | "End" | "WordStart" | "WordEnd" | "WordEdge" | "NoWordEdge"

/** A set of characters: ranges, named classes, or their complement. */
export interface Class {
  readonly _tag: "Class"
  readonly isNegated: boolean
  readonly ranges: ReadonlyArray<readonly [from: number, to: number]>
  readonly named: ReadonlyArray<RegExp>
}

/** A part of an expression that can be repeated. Groups are numbered from 1, in order of their parentheses. */
export type Atom =
  | Class
  | { readonly _tag: "Assert"; readonly assertion: Assertion }
  | { readonly _tag: "Group"; readonly number: number; readonly alternatives: Alternatives }

/** An atom with its repetitions. */
export interface Item {
  readonly atom: Atom
  readonly min: number
  /** Infinity for no limit. */
  readonly max: number
}

/** The alternatives of an expression, each a sequence. */
export type Alternatives = ReadonlyArray<ReadonlyArray<Item>>

/** The classes of POSIX in the C locale. */
const classes: Readonly<Record<string, RegExp>> = {
  alnum: /^[A-Za-z0-9]$/,
  alpha: /^[A-Za-z]$/,
  blank: /^[ \t]$/,
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the class of control characters
  cntrl: /^[\0-\x1f\x7f]$/,
  digit: /^[0-9]$/,
  graph: /^[!-~]$/,
  lower: /^[a-z]$/,
  print: /^[ -~]$/,
  punct: /^[!-/:-@[-`{-~]$/,
  space: /^[\t-\r ]$/,
  upper: /^[A-Z]$/,
  xdigit: /^[A-Fa-f0-9]$/
}

/** The most times that a bounded repetition allows (RE_DUP_MAX of POSIX). */
const maxRepetitions = 255

/** The deepest nesting of groups: the parser is recursive. */
const maxDepth = 32

const codeOf = (character: string) => character.codePointAt(0)!

const literal = (character: string): Class => ({
  _tag: "Class",
  isNegated: false,
  ranges: [[codeOf(character), codeOf(character)]],
  named: []
})

const anyCharacter: Class = { _tag: "Class", isNegated: true, ranges: [], named: [] }

const named = (pattern: RegExp, isNegated: boolean): Class => ({
  _tag: "Class",
  isNegated,
  ranges: [],
  named: [pattern]
})

const assert = (assertion: Assertion): Atom => ({ _tag: "Assert", assertion })

/** The atoms of characters behind a backslash; all others stand for themselves. */
const escapes: Readonly<Record<string, Atom>> = {
  w: named(/^\w$/, false),
  W: named(/^\w$/, true),
  s: named(/^[\t-\r ]$/, false),
  S: named(/^[\t-\r ]$/, true),
  b: assert("WordEdge"),
  B: assert("NoWordEdge"),
  "<": assert("WordStart"),
  ">": assert("WordEnd"),
  "`": assert("Start"),
  "'": assert("End")
}

const repetitions: Readonly<Record<string, readonly [min: number, max: number]>> = {
  "*": [0, Number.POSITIVE_INFINITY],
  "+": [1, Number.POSITIVE_INFINITY],
  "?": [0, 1]
}

const containsPlain = ({ named, ranges }: Class, character: string) => {
  const code = codeOf(character)
  return ranges.some(([from, to]) => from <= code && code <= to) || named.some((pattern) => pattern.test(character))
}

/** Tests if a set has a character, with `ignoreCase` also in its other case. */
export const contains = (set: Class, character: string, ignoreCase: boolean): boolean => {
  const isIn = ignoreCase
    ? [character, character.toLowerCase(), character.toUpperCase()].some((one) => containsPlain(set, one))
    : containsPlain(set, character)
  return isIn !== set.isNegated
}

/** The state of the parser. */
interface Input {
  readonly characters: ReadonlyArray<string>
  at: number
  groups: number
}

/** Thrown by the parser, caught in `parse`. */
class SyntaxFailure extends Error {
  readonly at: number
  constructor(at: number, message: string) {
    super(message)
    this.at = at
  }
}

const fail = (at: number, message: string): never => {
  throw new SyntaxFailure(at, message)
}

/** Reads `[:alpha:]`, `[.x.]` or `[=x=]` within brackets; undefined if there is none. */
const readBracketName = (input: Input): RegExp | string | undefined => {
  const { at, characters } = input
  const kind = characters[at + 1]
  if (characters[at] !== "[" || kind === undefined || !":.=".includes(kind)) return undefined
  const end = characters.findIndex((one, index) => index > at + 1 && one === kind && characters[index + 1] === "]")
  if (end < 0) return fail(at, `[${kind} is not closed: end it with ${kind}]`)
  const name = characters.slice(at + 2, end).join("")
  input.at = end + 2
  if (kind !== ":") return Array.from(name).length === 1 ? name : fail(at, `expected one character in [${kind}${kind}]`)
  if (Object.hasOwn(classes, name)) return classes[name]
  const expected = Object.keys(classes).join(", ")
  return fail(at, `unknown class ${JSON.stringify(name)}: expected one of ${expected}`)
}

/** Reads the set after `[`. */
const readSet = (input: Input): Class => {
  const { characters } = input
  const start = input.at - 1
  const isNegated = characters[input.at] === "^"
  if (isNegated) input.at++
  const ranges: Array<readonly [number, number]> = []
  const named: Array<RegExp> = []
  for (let isFirst = true; isFirst || characters[input.at] !== "]"; isFirst = false) {
    const at = input.at
    const from = readBracketName(input) ?? characters[input.at++] ?? fail(start, "[ is not closed: add ]")
    if (typeof from !== "string") {
      named.push(from)
      continue
    }
    if (characters[input.at] !== "-" || characters[input.at + 1] === "]") {
      ranges.push([codeOf(from), codeOf(from)])
      continue
    }
    input.at++
    const to = readBracketName(input) ?? characters[input.at++] ?? fail(start, "[ is not closed: add ]")
    if (typeof to !== "string") return fail(at, "a range cannot end with a class")
    if (codeOf(to) < codeOf(from)) return fail(at, `the range ${from}-${to} is empty: exchange its ends`)
    ranges.push([codeOf(from), codeOf(to)])
  }
  input.at++
  return { _tag: "Class", isNegated, ranges, named }
}

/** Reads the bounds after `{`; undefined if it does not repeat, and stands for itself. */
const readBounds = (input: Input): readonly [min: number, max: number] | undefined => {
  const rest = input.characters.slice(input.at).join("")
  const [all, low, comma, high] = /^(\d*)(,?)(\d*)\}/.exec(rest) ?? []
  if (all === undefined || (low === "" && comma === "")) return undefined
  const min = Number(low)
  const max = comma === "" ? min : high === "" ? Number.POSITIVE_INFINITY : Number(high)
  if (min > max) return fail(input.at, `the repetition {${all} is empty: exchange its ends`)
  if (min > maxRepetitions || (max !== Number.POSITIVE_INFINITY && max > maxRepetitions)) {
    return fail(input.at, `too many repetitions (at most ${maxRepetitions})`)
  }
  input.at += all.length
  return [min, max]
}

const readAtom = (input: Input, depth: number): Atom => {
  const at = input.at
  const character = input.characters[input.at++]!
  switch (character) {
    case ".":
      return anyCharacter
    case "^":
      return assert("Start")
    case "$":
      return assert("End")
    case "[":
      return readSet(input)
    case "(": {
      if (depth >= maxDepth) return fail(at, `nested too deeply (more than ${maxDepth} groups)`)
      const number = ++input.groups
      const alternatives = readAlternatives(input, depth + 1)
      if (input.characters[input.at] !== ")") return fail(at, "( is not closed: add )")
      input.at++
      return { _tag: "Group", number, alternatives }
    }
    case "\\": {
      const escaped = input.characters[input.at++] ?? fail(at, "a backslash at the end: write \\\\ for a backslash")
      if (/^[1-9]$/.test(escaped)) return fail(at, `back-references such as \\${escaped} are not supported`)
      return escapes[escaped] ?? literal(escaped)
    }
    case "*":
    case "+":
    case "?":
      return fail(at, `nothing to repeat before ${character}: write \\${character} for the character`)
    default:
      return literal(character)
  }
}

const readItem = (input: Input, depth: number): Item => {
  let item: Item = { atom: readAtom(input, depth), min: 1, max: 1 }
  for (;;) {
    const character = input.characters[input.at]
    const simple = character === undefined ? undefined : repetitions[character]
    if (simple === undefined && character !== "{") return item
    input.at++
    const bounds = simple ?? readBounds(input)
    if (bounds === undefined) {
      input.at--
      return item
    }
    const [min, max] = bounds
    item =
      item.min === 1 && item.max === 1
        ? { atom: item.atom, min, max }
        : { atom: { _tag: "Group", number: Number.POSITIVE_INFINITY, alternatives: [[item]] }, min, max }
  }
}

const readSequence = (input: Input, depth: number): ReadonlyArray<Item> => {
  const items: Array<Item> = []
  for (;;) {
    const character = input.characters[input.at]
    if (character === undefined || character === "|" || (character === ")" && depth > 0)) return items
    if (character === "{" && items.length > 0) {
      // A brace that does not repeat.
      input.at++
      items.push({ atom: literal("{"), min: 1, max: 1 })
    } else items.push(readItem(input, depth))
  }
}

const readAlternatives = (input: Input, depth: number): Alternatives => {
  const alternatives = [readSequence(input, depth)]
  while (input.characters[input.at] === "|") {
    input.at++
    alternatives.push(readSequence(input, depth))
  }
  return alternatives
}

/** Parses an expression. Fails with its first error. */
export const parse = (source: string): Result.Result<Alternatives, RegexError> => {
  const input: Input = { characters: Array.from(source), at: 0, groups: 0 }
  try {
    return Result.succeed(readAlternatives(input, 0))
  } catch (error) {
    if (!(error instanceof SyntaxFailure)) throw error
    return Result.fail({ column: error.at + 1, message: error.message })
  }
}
