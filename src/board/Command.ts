/** What a client may say, as a value: the grammar in `docs/guide/board.md`. */
import * as Result from "effect/Result"
import type { Ask } from "./Message.ts"

/** A line that makes sense. @category models @since 0.1.0 */
export type Command = Ask | { readonly _tag: "Help" } | { readonly _tag: "Quit" }

/** What can be wrong with a line. @category models @since 0.1.0 */
export const codes = ["control", "empty", "line", "number", "outside", "same", "unknown", "usage"] as const

/** A line that makes none: what is wrong with it, for a program and for a person. @category models @since 0.1.0 */
export interface Problem {
  readonly code: (typeof codes)[number]
  /** Printable ASCII, whatever the line had. */
  readonly text: string
}

/** A form of command: how many numbers follow it, and what they mean. */
interface Form {
  readonly usage: string
  readonly says: string
  readonly numbers: number
  readonly make: (numbers: ReadonlyArray<number>) => Command
}

const form = (usage: string, says: string, make: Form["make"]): readonly [string, Form] => {
  const words = usage.split(" ")
  const name = words.filter((word) => word.length > 1)
  return [name.join(" "), { usage, says, numbers: words.length - name.length, make }]
}

/** By the words that a line begins with; the course's client sends numbers only. */
const forms: ReadonlyMap<string, Form> = new Map([
  form("x y", "the same as claim x y", ([x, y]) => ({ _tag: "Claim", x: x!, y: y! })),
  form("hello", "your number", () => ({ _tag: "Hello" })),
  form("claim x y", "take a vacant square", ([x, y]) => ({ _tag: "Claim", x: x!, y: y! })),
  form("claim row y", "take a row, if all of it is vacant", ([y]) => ({ _tag: "ClaimRow", y: y! })),
  form("swap x y x y", "exchange two squares, one of which is yours", ([x, y, toX, toY]) => ({
    _tag: "Swap",
    x: x!,
    y: y!,
    toX: toX!,
    toY: toY!
  })),
  form("board", "whose squares they are; . is vacant", () => ({ _tag: "Board" })),
  form("watch", "the board, then every change", () => ({ _tag: "Watch" })),
  form("help", "these lines", () => ({ _tag: "Help" })),
  form("quit", "end the connection; your squares stay yours", () => ({ _tag: "Quit" }))
])

/** A line for each form of command. @category models @since 0.1.0 */
export const help: ReadonlyArray<string> = Array.from(forms.values(), ({ says, usage }) => `${usage.padEnd(14)}${says}`)

const maxQuoted = 20

/** Something of a client's, safe to show on a terminal: printable ASCII, and not much of it. */
const quote = (word: string) => {
  const shown = Array.from(word.slice(0, maxQuoted), (char) =>
    /[!-~]/.test(char) ? char : `\\u{${char.codePointAt(0)!.toString(16)}}`
  )
  return `"${shown.join("")}${word.length > maxQuoted ? "..." : ""}"`
}

const problem = (code: Problem["code"], text: string) => Result.fail<Problem>({ code, text })

/** How many words of the line name its form. */
const nameLength = ([first = "", second = ""]: ReadonlyArray<string>) =>
  /^[-+.]?[0-9]/.test(first) ? 0 : first === "claim" && second === "row" ? 2 : 1

const index = (word: string, size: number): Result.Result<number, Problem> => {
  const range = `0 to ${size - 1}`
  if (!/^-?[0-9]+$/.test(word)) return problem("number", `${quote(word)} is not a number from ${range}`)
  const value = Number(word)
  return value >= 0 && value < size
    ? Result.succeed(value + 0)
    : problem("outside", `${quote(word)} is outside the board: x and y go from ${range}`)
}

const read = ({ make, numbers, usage }: Form, words: ReadonlyArray<string>, size: number) => {
  if (words.length !== numbers) {
    const wanted = numbers === 1 ? "one number" : `${numbers} numbers`
    return problem("usage", numbers === 0 ? `${usage} stands alone` : `${usage} takes ${wanted}, not ${words.length}`)
  }
  return Result.flatMap(Result.all(words.map((word) => index(word, size))), (values) => {
    const command = make(values)
    return command._tag === "Swap" && command.x === command.toX && command.y === command.toY
      ? problem("same", "the two squares of a swap must differ")
      : Result.succeed(command)
  })
}

/**
 * What a line says to a board of a size; it may be any text, and words may be in upper case.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (line: string, size: number): Result.Result<Command, Problem> => {
  if (/[^\P{Cc}\t]/u.test(line)) return problem("control", "a line is text, without control characters")
  const words = line
    .toLowerCase()
    .split(/[ \t]+/)
    .filter((word) => word !== "")
  if (words.length === 0) return problem("empty", "the line is empty; help lists the commands")
  const length = nameLength(words)
  const found = forms.get(words.slice(0, length).join(" "))
  return found === undefined
    ? problem("unknown", `${quote(words[0]!)} is not a command; help lists them`)
    : read(found, words.slice(length), size)
}
