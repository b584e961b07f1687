/** The rules for sentences and constants. Sentences are comments, strings and documents. */
import { lineOf, type Source } from "./Source.ts"

/** A sentence that breaks a rule. */
interface Offence {
  readonly line: number
  readonly message: string
}

/** Between two words: white space, and the asterisk that begins a line of a comment. */
const gap = "(?:[ \\t]+|[ \\t]*\\n[ \\t]*(?:\\*|//|>)?[ \\t]*)"

const phrase = (text: string) => new RegExp(text.replaceAll(" ", gap), "gi")

/** Forbidden patterns, each with its replacement. */
const idioms: ReadonlyArray<readonly [pattern: RegExp, instead: string]> = [
  [phrase("\\bso (?:many|much|long)\\b(?! (?:that|as)\\b)"), "name the number"],
  [phrase("\\b(?:is|are) no (?!longer\\b|more\\b)\\w+"), "use `is not`"],
  [phrase("\\b(?:is|are|was|were) told\\b"), "use send, notify, return or report"],
  [phrase("\\bhow many-th\\b"), "use the sequence number"],
  [phrase("\\b(?:whoever|somebody|one who)\\b"), "name the actor"],
  [phrase("\\bbecom(?:e|es) of\\b"), "name the result"],
  [phrase("\\bget(?:s)? along\\b"), "name the failure"]
]

const questions = /^[*_`]*(?:What|Who|Whom|Whose|Those|How|Where|Whether|One who|So many|As many)\b/

/** The most words in the first sentence of a docstring. */
const maxFirstSentenceWords = 25

const isSpace = (char: string | undefined) => char === undefined || char === " " || char === "\n"

/** Keeps the characters of `one` where `other` is blank, and line ends. */
const difference = (one: string, other: string) => {
  let kept = ""
  for (let at = 0; at < one.length; at++) kept += isSpace(other[at]) || one[at] === "\n" ? one[at] : " "
  return kept
}

/** Blanks fenced and inline code of a document. */
const prose = (text: string) =>
  text
    .replace(/^(```|~~~)[\s\S]*?^\1/gm, (block) => block.replace(/[^\n]/g, " "))
    .replace(/`[^`\n]*`/g, (span) => "x".repeat(span.length))

/** The comments and the strings of a program, or the sentences of a document; other characters are blank. */
const sentences = ({ bare, code, path, text }: Source): ReadonlyArray<string> =>
  path.endsWith(".md") ? [prose(text)] : [difference(text, bare), difference(bare, code)]

/** Finds idioms. */
export const findIdioms = function* (source: Source): Iterable<Offence> {
  for (const text of sentences(source)) {
    for (const [pattern, instead] of idioms) {
      for (const { 0: found, index } of text.matchAll(pattern)) {
        yield { line: lineOf(text, index), message: `"${found.replace(/\s+[*/ ]*/g, " ")}": ${instead}` }
      }
    }
  }
}

/** A docstring with its first sentence: without markup, on one line. */
const docstrings = function* ({ bare, text }: Source) {
  for (const { 0: doc, index } of difference(text, bare).matchAll(/\/\*\*([\s\S]*?)\*\//g)) {
    const body = doc
      .slice(3, -2)
      .replace(/^[ \t]*\*[ \t]?/gm, "")
      .trim()
    const sentence = /^[\s\S]*?(?=[.?!](?:\s|$)|\n\n|\n[-|]|\n?@|$)/.exec(body)![0].replace(/\s+/g, " ").trim()
    yield { line: lineOf(text, index), sentence }
  }
}

/** Finds docstrings that begin as a question, or with a sentence that is too long. */
export const findDocstrings = function* (source: Source): Iterable<Offence> {
  for (const { line, sentence } of docstrings(source)) {
    const begins = questions.exec(sentence)
    if (begins !== null) {
      yield { line, message: `"${begins[0]}" begins the docstring: begin with a noun or a verb in the third person` }
    }
    const words = sentence.split(" ").length
    if (words > maxFirstSentenceWords) {
      yield { line, message: `${words} words in the first sentence: at most ${maxFirstSentenceWords}` }
    }
  }
}

/** Nouns that end a constant's name and say what the number counts or measures. */
const unitNouns = [
  "Bits?|Bytes?|Octets?|Chars|Columns|Rows|Lines|Nanos|Micros|Millis|Seconds|Minutes|Hours|Days|PerSecond|PerMilli",
  "Address|Base|Bitmap|Blksize|Byte|Code|Coordinate|Count|Credit|Depth|Divisor|Exponent|Factor|Flag|Fraction|Height",
  "Id|Index|Kind|Length|Level|Limit|Magic|Mask|Modulus|Number|Offset|Opcode|Percent|Port|Probability|Ratio|Seed",
  "Sequence|Shift|Size|Speedup|Type|Value|Version|Width"
].join("|")

const unit = new RegExp(`(?:${unitNouns})$|^(?:${unitNouns.toLowerCase()})$`)

/** A plural is a count, and a rate names both of its units: `maxAliases`, `ticksPerInterval`. */
const isCount = (name: string) => /[^s]s$|Per[A-Z]\w+$/.test(name)

/** Names of the protocol or the platform (`IAC`, `AF_INET`), and members of an enumeration. */
const isFixed = (name: string) => /^[A-Z]/.test(name)

/** A module constant whose value is a number, or arithmetic of numbers. */
const constant =
  /^(?:export )?const (\w+)(?:: number|: bigint)? = (-?\(?[\d_.]+(?:e\d+)?n?(?: ?[-+*/<]{1,2} ?\(?-?[\d_.]+(?:e\d+)?n?\)?)*\)?)(?: as const)?[ \t]*$/gm

/** Finds numeric module constants without a unit in their name. */
export const findUnits = function* ({ bare }: Source): Iterable<Offence> {
  for (const { 1: name = "", 2: value, index } of bare.matchAll(constant)) {
    if (isFixed(name) || isCount(name) || unit.test(name)) continue
    yield { line: lineOf(bare, index), message: `${name} = ${value}: end the name with its unit` }
  }
}
