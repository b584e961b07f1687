/** The functions of a program and their lengths, found by their braces. */
import { lineOf, type Source } from "./Source.ts"

/** A function: its first line, its number of lines, and the name it is bound to, if any. */
export interface FunctionSpan {
  readonly line: number
  readonly lines: number
  readonly name: string
}

const closing: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" }

/** Statements whose parentheses are followed by a block that is not a function. */
const statements = /^(?:if|for|while|switch|catch|with)$/

/** Returns the index after the delimiter that closes the one at `open`. */
const endOf = (code: string, open: number): number => {
  let depth = 0
  for (let at = open; at < code.length; at++) {
    if (closing[code[at]!] !== undefined) depth++
    else if (/[)\]}]/.test(code[at]!) && --depth === 0) return at + 1
  }
  return code.length
}

/** Returns the index after the expression that begins at `from`: the body of an arrow function without braces. */
const endOfExpression = (code: string, from: number): number => {
  for (let at = from; at < code.length; at++) {
    const char = code[at]!
    if (closing[char] !== undefined) at = endOf(code, at) - 1
    else if (/[,;)\]}]/.test(char)) return at
    else if (char === "\n" && code.slice(from, at).trim() !== "" && !/^\s*[.?:|&+*/<>=-]/.test(code.slice(at + 1)))
      return at
  }
  return code.length
}

const nameBefore = (code: string, at: number): string =>
  [
    ...code
      .slice(0, at)
      .matchAll(/(?:\b(?:const|let|function\*?|get)\s+(\w+)|^\s+(?:readonly |private )*(\w+)\s*[(:=])/gm)
  ]
    .map(([, bound, member]) => bound ?? member!)
    .at(-1) ?? "a function"

const arrows = function* (code: string) {
  for (const { index } of code.matchAll(/=>/g)) {
    const body = index + 2 + /^\s*/.exec(code.slice(index + 2))![0].length
    yield { start: index, end: code[body] === "{" ? endOf(code, body) : endOfExpression(code, body) }
  }
}

/** Functions and methods with braces: parentheses, perhaps a return type, and a block. */
const blocks = function* (code: string) {
  for (const { index } of code.matchAll(
    /(?:\bfunction\*?\s*\w*\s*(?:<[^()]*>)?|^\s+(?:private |static )*\w+)\s*\(/gm
  )) {
    const open = code.indexOf("(", index)
    const word = /(\w+)\s*\($/.exec(code.slice(index, open + 1))?.[1] ?? ""
    if (statements.test(word)) continue
    const after = endOf(code, open)
    const [header] = /^\s*(?::[^;={}]*(?:\{[^{}]*\}[^;={}]*)?)?(?=\{)/.exec(code.slice(after)) ?? []
    if (header !== undefined) yield { start: open, end: endOf(code, after + header.length) }
  }
}

/** A type such as `(text: string) => void`: an arrow without a body to execute. */
const isType = (code: string, start: number) =>
  /(?:^|\n)\s*(?:readonly \w+\??:[^=]*|(?:export )?type \w+[^=]*=[^=]*|\| [^=]*)$/.test(
    code.slice(Math.max(0, start - 300), start)
  )

/** Finds the functions of a program; an outer function includes the lines of those within it. */
export const find = function* ({ code }: Source): Iterable<FunctionSpan> {
  for (const { end, start } of [...arrows(code), ...blocks(code)]) {
    if (isType(code, start)) continue
    const lines = code.slice(start, end).trimEnd().split("\n").length
    yield { line: lineOf(code, start), lines, name: nameBefore(code, start) }
  }
}
