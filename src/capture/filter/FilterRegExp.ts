/**
 * Regular expressions of display filters: without case, as Wireshark's, and on a bounded text. All ways to match are
 * followed at the same time (Thompson's method), one character after another, so that the time is at most in proportion
 * to the length of the text: a sender cannot choose bytes for which a filter takes for ever. Pure.
 */
import * as Syntax from "./FilterRegExpSyntax.ts"

/** Maximum length of a regular expression, in characters. */
const maxPatternChars = 1_000

/** Maximum length of the text that is searched, in characters: the payload of the largest packet. */
const maxSearchedChars = 65_536

/** Maximum number of parts of a regular expression, where a part that is repeated 5 times counts 5 times. */
const maxParts = 4_000

/** PCRE writes "ignore case" so at the start; here it always holds. */
const withoutFlags = (pattern: string) => pattern.replace(/^\(\?i\)/, "")

/** A state of the matcher: it takes a character, or goes on without one, to one of several states. */
type State =
  | { readonly _tag: "Character"; readonly accepts: (code: number) => boolean; readonly next: number }
  | { readonly _tag: "Assertion"; readonly holds: (text: string, at: number) => boolean; readonly next: number }
  | { readonly _tag: "Split"; readonly next: Array<number> }
  | { readonly _tag: "End" }

interface Program {
  readonly states: ReadonlyArray<State>
  readonly start: number
}

class TooLarge extends Error {}

/** Returns the test for a literal, an escape or a class of JavaScript; the answers for bytes are in a table. */
const characterTest = (source: string): ((code: number) => boolean) => {
  const expression = new RegExp(`^(?:${source})$`, "i")
  const test = (code: number) => expression.test(String.fromCharCode(code))
  const ofBytes = Array.from({ length: 256 }, (_, code) => test(code))
  return (code) => ofBytes[code] ?? test(code)
}

const isWord = (text: string, at: number) => /^\w/.test(text.charAt(at))

const isBoundary = (text: string, at: number) => isWord(text, at - 1) !== isWord(text, at)

const assertions = {
  "^": (_: string, at: number) => at === 0,
  $: (text: string, at: number) => at === text.length,
  "\\b": isBoundary,
  "\\B": (text: string, at: number) => !isBoundary(text, at)
} as const

const programOf = (pattern: Syntax.Node): Program => {
  const states: Array<State> = [{ _tag: "End" }]
  const tests = new Map<string, (code: number) => boolean>()
  let parts = 0
  const add = (state: State) => states.push(state) - 1
  const testOf = (source: string) => {
    const test = tests.get(source) ?? characterTest(source)
    tests.set(source, test)
    return test
  }
  /** Adds the states of a node before the state `next`, and returns the first of them. */
  const emit = (node: Syntax.Node, next: number): number => {
    if (++parts > maxParts) throw new TooLarge()
    switch (node._tag) {
      case "Character":
        return add({ _tag: "Character", accepts: testOf(node.source), next })
      case "Assertion":
        return add({ _tag: "Assertion", holds: assertions[node.kind], next })
      case "Sequence":
        return node.parts.reduceRight((after, part) => emit(part, after), next)
      case "Choice":
        return add({ _tag: "Split", next: node.parts.map((part) => emit(part, next)) })
      default:
        return emitRepeat(node, next)
    }
  }
  const emitRepeat = ({ maximum, minimum, part }: Extract<Syntax.Node, { readonly _tag: "Repeat" }>, next: number) => {
    let first = next
    if (maximum === Infinity) {
      const ways = [next]
      first = add({ _tag: "Split", next: ways })
      ways.push(emit(part, first))
    } else {
      for (let i = minimum; i < maximum; i++) first = add({ _tag: "Split", next: [emit(part, first), next] })
    }
    for (let i = 0; i < minimum; i++) first = emit(part, first)
    return first
  }
  return { start: emit(pattern, 0), states }
}

/** Returns the test whether a match can start with a character, or is empty there. */
const startTest = ({ start, states }: Program): ((code: number) => boolean) => {
  const ids = new Set([start])
  // The set grows while it is read.
  for (const id of ids) {
    const state = states[id]!
    if (state._tag === "End") return () => true
    if (state._tag === "Split") for (const next of state.next) ids.add(next)
    else if (state._tag === "Assertion") ids.add(state.next)
  }
  const tests = Array.from(ids, (id) => states[id]!).flatMap((state) =>
    state._tag === "Character" ? [state.accepts] : []
  )
  const test = (code: number) => tests.some((accepts) => accepts(code))
  const ofBytes = Array.from({ length: 256 }, (_, code) => test(code))
  return (code) => ofBytes[code] ?? test(code)
}

const search = (program: Program): ((text: string) => boolean) => {
  const { start, states } = program
  const canStart = startTest(program)
  /** Position, from 1, at which a state was reached last. */
  const reached = new Uint32Array(states.length)
  /** Adds the states that take a character and follow from a state; returns true if the end follows. */
  const follow = (from: number, text: string, at: number, found: Array<number>): boolean => {
    const open = [from]
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      if (reached[id] === at + 1) continue
      reached[id] = at + 1
      const state = states[id]!
      if (state._tag === "End") return true
      if (state._tag === "Character") found.push(id)
      else if (state._tag === "Split") open.push(...state.next)
      else if (state.holds(text, at)) open.push(state.next)
    }
    return false
  }
  return (text) => {
    reached.fill(0)
    let current: Array<number> = []
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at)
      // A match may start at each character.
      if (canStart(code) && follow(start, text, at, current)) return true
      if (current.length === 0) continue
      const next: Array<number> = []
      for (const id of current) {
        const state = states[id]!
        if (state._tag === "Character" && state.accepts(code) && follow(state.next, text, at + 1, next)) return true
      }
      current = next
    }
    return follow(start, text, text.length, current)
  }
}

/** Compiles a pattern; throws for one that has a problem. */
const compileUnsafe = (pattern: string): Program => {
  const bare = withoutFlags(pattern)
  new RegExp(bare, "i")
  return programOf(Syntax.parse(bare))
}

const reasonOf = (error: unknown): string => {
  if (error instanceof Syntax.Unsupported)
    return `a regular expression without ${error.message}, since lookaround, references and named groups are not supported`
  if (error instanceof TooLarge)
    return `a regular expression of at most ${maxParts} parts, where what is repeated 5 times counts 5 times`
  const reason = error instanceof Error ? error.message.replace(/^Invalid regular expression: /, "") : "invalid"
  return `a regular expression (${reason})`
}

/** Returns what would be right instead of a pattern that is not accepted. */
export const problemOf = (pattern: string): string | undefined => {
  if (pattern.length > maxPatternChars) return `a regular expression of at most ${maxPatternChars} characters`
  try {
    compileUnsafe(pattern)
    return undefined
  } catch (error) {
    return reasonOf(error)
  }
}

/** Returns the test of a pattern that has no problem. */
export const compile = (pattern: string): ((text: string) => boolean) => {
  const matches = search(compileUnsafe(pattern))
  return (text) => matches(text.length > maxSearchedChars ? text.slice(0, maxSearchedChars) : text)
}
