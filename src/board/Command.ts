/** Parser of the commands of board clients: the grammar of `docs/guide/board.md`. */
import * as Result from "effect/Result"
import type { Ask } from "./Message.ts"

/** Command of a client. @category models @since 0.1.0 */
export type Command = Ask | { readonly _tag: "Help" } | { readonly _tag: "Quit" }

/** Error codes of the protocol. @category models @since 0.1.0 */
export const codes = ["control", "empty", "line", "number", "outside", "same", "unknown", "usage"] as const

/** Reason why a line is not a command. `code` is for programs, `text` for people. @category models @since 0.1.0 */
export interface Problem {
  readonly code: (typeof codes)[number]
  /** Printable ASCII, whatever bytes the line had. */
  readonly text: string
}

/** Syntax of a command: its words, the number of its arguments, and the command they make. */
interface CommandForm {
  readonly usage: string
  readonly description: string
  readonly numberCount: number
  readonly make: (numbers: ReadonlyArray<number>) => Command
}

const form = (usage: string, description: string, make: CommandForm["make"]): readonly [string, CommandForm] => {
  const words = usage.split(" ")
  const name = words.filter((word) => word.length > 1)
  return [name.join(" "), { usage, description, numberCount: words.length - name.length, make }]
}

/** Syntaxes by the words at the start of the line. The course's client sends two numbers without a word. */
const forms: ReadonlyMap<string, CommandForm> = new Map([
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

/** Help text: one line per command. @category constants @since 0.1.0 */
export const help: ReadonlyArray<string> = Array.from(
  forms.values(),
  ({ description, usage }) => `${usage.padEnd(14)}${description}`
)

const maxQuotedChars = 20

/** Quotes text of a client for an error message: at most 20 characters, printable ASCII, others as `\u{...}`. */
const quote = (word: string) => {
  const shown = Array.from(word.slice(0, maxQuotedChars), (char) =>
    /[!-~]/.test(char) ? char : `\\u{${char.codePointAt(0)!.toString(16)}}`
  )
  return `"${shown.join("")}${word.length > maxQuotedChars ? "..." : ""}"`
}

const problem = (code: Problem["code"], text: string) => Result.fail<Problem>({ code, text })

/** Returns the number of words before the numbers. */
const countNameWords = ([first = "", second = ""]: ReadonlyArray<string>) =>
  /^[-+.]?[0-9]/.test(first) ? 0 : first === "claim" && second === "row" ? 2 : 1

const parseIndex = (word: string, size: number): Result.Result<number, Problem> => {
  const range = `0 to ${size - 1}`
  if (!/^-?[0-9]+$/.test(word)) return problem("number", `${quote(word)} is not a number from ${range}`)
  const value = Number(word)
  return value >= 0 && value < size
    ? Result.succeed(value + 0)
    : problem("outside", `${quote(word)} is outside the board: x and y go from ${range}`)
}

const parseNumbers = ({ make, numberCount, usage }: CommandForm, words: ReadonlyArray<string>, size: number) => {
  if (words.length !== numberCount) {
    const wanted = numberCount === 1 ? "one number" : `${numberCount} numbers`
    return problem(
      "usage",
      numberCount === 0
        ? `${usage} takes no numbers, not ${words.length}`
        : `${usage} takes ${wanted}, not ${words.length}`
    )
  }
  return Result.flatMap(Result.all(words.map((word) => parseIndex(word, size))), (values) => {
    const command = make(values)
    return command._tag === "Swap" && command.x === command.toX && command.y === command.toY
      ? problem("same", "the two squares of a swap must differ")
      : Result.succeed(command)
  })
}

/**
 * Parses a line for a board of `size` by `size` squares. The line may be any text; upper case equals lower case.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (line: string, size: number): Result.Result<Command, Problem> => {
  if (/[^\P{Cc}\t]/u.test(line)) return problem("control", "control characters are not allowed")
  const words = line
    .toLowerCase()
    .split(/[ \t]+/)
    .filter((word) => word !== "")
  if (words.length === 0) return problem("empty", "the line is empty; help lists the commands")
  const length = countNameWords(words)
  const found = forms.get(words.slice(0, length).join(" "))
  return found === undefined
    ? problem("unknown", `${quote(words[0]!)} is not a command; help lists them`)
    : parseNumbers(found, words.slice(length), size)
}
