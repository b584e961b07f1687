/**
 * Arguments that begin with a minus and a digit, such as `-5..10`. The lexer of effect/cli takes only plain numbers for
 * values, and others for flags; no flag here begins with a digit.
 */

/** A noncharacter of Unicode in place of the minus, while the command line is parsed. */
const mark = "\ufdd0"

/** Marks the arguments that the lexer would take for flags. Those after `--` are never flags. */
export const encode = (args: ReadonlyArray<string>): ReadonlyArray<string> => {
  const end = args.indexOf("--")
  return args.map((arg, index) => (/^-\.?\d/.test(arg) && (end < 0 || index < end) ? `${mark}${arg.slice(1)}` : arg))
}

/** Restores the minus in a message that quotes an argument. */
export const decode = (text: string): string => text.replaceAll(mark, "-")

const decodeValue = (value: unknown): unknown =>
  typeof value === "string" ? decode(value) : Array.isArray(value) ? value.map(decodeValue) : value

/** Restores the minus in the texts of a parsed command line. */
export const decodeAll = <A>(values: A): A =>
  Object.fromEntries(Object.entries(values as object).map(([key, value]) => [key, decodeValue(value)])) as A
