/**
 * Extended regular expressions of POSIX (IEEE Std 1003.1, section 9.4), as egrep(1) and tftpd-hpa have them. Pure.
 *
 * The leftmost match wins, and of several there the longest; JavaScript takes the first alternative that matches. A
 * match takes at most the product of the lengths of the text and of the expression in steps, so that no name of a
 * client can occupy the server, whatever expression the operator has written. Groups are matched greedily, from left to
 * right. Back-references are refused.
 */
import * as Result from "effect/Result"
import type { Atom, Item } from "./PosixRegexSyntax.ts"
import * as PosixRegexSyntax from "./PosixRegexSyntax.ts"

/** A compiled expression. @category models @since 0.1.0 */
export interface PosixRegex {
  readonly source: string
  readonly ignoreCase: boolean
  readonly program: ReadonlyArray<Instruction>
}

/**
 * The spans of the whole match and of its groups, in characters; undefined for a group without a match.
 *
 * @category models
 * @since 0.1.0
 */
export type Match = ReadonlyArray<readonly [from: number, to: number] | undefined>

/** The groups of an expression that a match reports, beside the whole. */
const maxGroups = 9

/** The longest program: a bounded repetition is a copy for each time. */
const maxInstructions = 4_096

type Instruction =
  | { readonly _tag: "Take"; readonly atom: Extract<Atom, { readonly _tag: "Class" }> }
  | { readonly _tag: "Assert"; readonly assertion: PosixRegexSyntax.Assertion }
  /** Goes on at `first`, and with a lower priority at `second`. */
  | { readonly _tag: "Fork"; readonly first: number; readonly second: number }
  | { readonly _tag: "Jump"; readonly to: number }
  | { readonly _tag: "Save"; readonly slot: number }
  | { readonly _tag: "Accept" }

/** Thrown where a program becomes too long, caught in `compile`. */
class TooLong extends Error {}

const compileItems = (program: Array<Instruction>, items: ReadonlyArray<Item>): void => {
  for (const item of items) compileItem(program, item)
}

const push = (program: Array<Instruction>, instruction: Instruction): number => {
  if (program.length >= maxInstructions) throw new TooLong()
  return program.push(instruction) - 1
}

/** Compiles alternatives in their order. */
const compileAlternatives = (program: Array<Instruction>, alternatives: ReadonlyArray<ReadonlyArray<Item>>): void => {
  const jumps: Array<number> = []
  for (const [index, items] of alternatives.entries()) {
    if (index === alternatives.length - 1) {
      compileItems(program, items)
      break
    }
    const fork = push(program, { _tag: "Jump", to: 0 })
    compileItems(program, items)
    jumps.push(push(program, { _tag: "Jump", to: 0 }))
    program[fork] = { _tag: "Fork", first: fork + 1, second: program.length }
  }
  for (const jump of jumps) program[jump] = { _tag: "Jump", to: program.length }
}

const compileAtom = (program: Array<Instruction>, atom: Atom): void => {
  switch (atom._tag) {
    case "Class":
      push(program, { _tag: "Take", atom })
      return
    case "Assert":
      push(program, { _tag: "Assert", assertion: atom.assertion })
      return
    case "Group":
      if (atom.number <= maxGroups) push(program, { _tag: "Save", slot: 2 * atom.number })
      compileAlternatives(program, atom.alternatives)
      if (atom.number <= maxGroups) push(program, { _tag: "Save", slot: 2 * atom.number + 1 })
  }
}

/** Compiles an atom that may be missing. Returns the place of its fork, whose end is not set yet. */
const compileOptional = (program: Array<Instruction>, atom: Atom): number => {
  const fork = push(program, { _tag: "Jump", to: 0 })
  compileAtom(program, atom)
  return fork
}

const setEnd = (program: Array<Instruction>, fork: number): void => {
  program[fork] = { _tag: "Fork", first: fork + 1, second: program.length }
}

const compileItem = (program: Array<Instruction>, { atom, max, min }: Item): void => {
  for (let count = 0; count < min; count++) compileAtom(program, atom)
  if (max === Number.POSITIVE_INFINITY) {
    const fork = compileOptional(program, atom)
    push(program, { _tag: "Jump", to: fork })
    setEnd(program, fork)
    return
  }
  const forks = Array.from({ length: max - min }, () => compileOptional(program, atom))
  for (const fork of forks) setEnd(program, fork)
}

/**
 * Compiles an expression. Fails with what is wrong, and its column from 1.
 *
 * @category constructors
 * @since 0.1.0
 */
export const compile = (
  source: string,
  options: { readonly ignoreCase?: boolean | undefined } = {}
): Result.Result<PosixRegex, PosixRegexSyntax.RegexError> => {
  const ignoreCase = options.ignoreCase ?? false
  return Result.flatMap(PosixRegexSyntax.parse(source), (alternatives) => {
    const program: Array<Instruction> = []
    try {
      push(program, { _tag: "Save", slot: 0 })
      compileAlternatives(program, alternatives)
      push(program, { _tag: "Save", slot: 1 })
      push(program, { _tag: "Accept" })
    } catch (error) {
      if (!(error instanceof TooLong)) throw error
      const message = `the expression is too long (more than ${maxInstructions} steps): repeat less`
      return Result.fail({ column: 1, message })
    }
    return Result.succeed({ source, ignoreCase, program })
  })
}

const isWordCharacter = (character: string | undefined) => character !== undefined && /^\w$/.test(character)

const holds = (assertion: PosixRegexSyntax.Assertion, text: ReadonlyArray<string>, at: number): boolean => {
  const before = isWordCharacter(text[at - 1])
  const after = isWordCharacter(text[at])
  switch (assertion) {
    case "Start":
      return at === 0
    case "End":
      return at === text.length
    case "WordStart":
      return !before && after
    case "WordEnd":
      return before && !after
    case "WordEdge":
      return before !== after
    case "NoWordEdge":
      return before === after
  }
}

/**
 * Steps that may still be taken: the caller limits those of several matches together.
 *
 * @category models
 * @since 0.1.0
 */
export interface Budget {
  steps: number
}

/** A thread of the machine: the next instruction, and the spans saved so far. */
interface Thread {
  readonly at: number
  readonly saved: ReadonlyArray<number | undefined>
}

/** Follows all instructions that take no character, in order of their priority; each instruction once. */
const advance = (
  { program }: PosixRegex,
  threads: ReadonlyArray<Thread>,
  text: ReadonlyArray<string>,
  position: number,
  budget: Budget
): ReadonlyArray<Thread> => {
  const seen = new Set<number>()
  const ready: Array<Thread> = []
  const waiting = threads.toReversed()
  for (let thread = waiting.pop(); thread !== undefined; thread = waiting.pop()) {
    const { at, saved } = thread
    if (seen.has(at)) continue
    seen.add(at)
    budget.steps--
    const instruction = program[at]!
    switch (instruction._tag) {
      case "Jump":
        waiting.push({ at: instruction.to, saved })
        break
      case "Fork":
        waiting.push({ at: instruction.second, saved }, { at: instruction.first, saved })
        break
      case "Save":
        waiting.push({ at: at + 1, saved: saved.with(instruction.slot, position) })
        break
      case "Assert":
        if (holds(instruction.assertion, text, position)) waiting.push({ at: at + 1, saved })
        break
      default:
        ready.push(thread)
    }
  }
  return ready
}

const unsaved: Thread["saved"] = Array.from({ length: 2 * (maxGroups + 1) }, () => undefined)

/** The start of a thread's match. */
const startOf = (saved: Thread["saved"]): number => saved[0]!

/** Returns the spans of the leftmost longest match. A thread of an earlier start has the higher priority. */
const search = (regex: PosixRegex, text: ReadonlyArray<string>, budget: Budget): Thread["saved"] | undefined => {
  let best: Thread["saved"] | undefined
  let threads: ReadonlyArray<Thread> = []
  for (let position = 0; position <= text.length && budget.steps > 0; position++) {
    const starting: ReadonlyArray<Thread> = best === undefined ? [...threads, { at: 0, saved: unsaved }] : threads
    const ready = advance(regex, starting, text, position, budget)
    const accepted = ready.find(({ at }) => regex.program[at]!._tag === "Accept")?.saved
    if (accepted !== undefined && (best === undefined || startOf(accepted) <= startOf(best))) best = accepted
    const character = text[position]
    threads = ready.flatMap(({ at, saved }) => {
      const instruction = regex.program[at]!
      if (instruction._tag !== "Take" || character === undefined) return []
      if (best !== undefined && startOf(saved) > startOf(best)) return []
      return PosixRegexSyntax.contains(instruction.atom, character, regex.ignoreCase) ? [{ at: at + 1, saved }] : []
    })
    if (best !== undefined && threads.length === 0) break
  }
  return best
}

/**
 * Finds the leftmost longest match in a text, which is given as its characters. A search whose budget ends finds what
 * it has found until then: the caller looks at the budget.
 *
 * @category getters
 * @since 0.1.0
 */
export const find = (
  regex: PosixRegex,
  text: ReadonlyArray<string>,
  budget: Budget = { steps: Number.POSITIVE_INFINITY }
): Match | undefined => {
  const saved = search(regex, text, budget)
  if (saved === undefined) return undefined
  return Array.from({ length: maxGroups + 1 }, (_, group) => {
    const start = saved[2 * group]
    const end = saved[2 * group + 1]
    return start === undefined || end === undefined ? undefined : ([start, end] as const)
  })
}
