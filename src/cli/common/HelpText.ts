/** Help of a command as text, wrapped to the width of the terminal. Pure. */
import * as CliOutput from "effect/cli/CliOutput"
import type * as HelpDoc from "effect/cli/HelpDoc"

/** Smallest width of the right column of a table. In a narrower one, the text goes below the left column. */
const minRightColumns = 32

/** Indentation of text below the left column. */
const belowIndentColumns = 6

/** Splits a text into lines of at most `columns`, at blanks. A longer word has a line of its own. */
const fill = (text: string, columns: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (const word of text.split(" ")) {
    const line = `${lines.at(-1)} ${word}`
    if (lines.length > 0 && CliOutput.displayWidth(line) <= columns) lines[lines.length - 1] = line
    else lines.push(word)
  }
  return lines
}

/** A row of a table, or a paragraph: then it has no left column. */
const rowPattern = /^( *)(?:(\S.*?\S)( {2,}))?(\S.*)$/

const wrapLine = (line: string, columns: number): ReadonlyArray<string> => {
  const [, indent = "", left, gap = "", text = ""] = rowPattern.exec(line) ?? []
  if (text === "" || CliOutput.displayWidth(line) <= columns) return [line]
  const before = left === undefined ? indent : `${indent}${left}${gap}`
  const hanging = CliOutput.displayWidth(before)
  if (left === undefined || columns - hanging >= minRightColumns) {
    return fill(text, columns - hanging).map((part, at) => `${at === 0 ? before : " ".repeat(hanging)}${part}`)
  }
  return [
    `${indent}${left}`,
    ...fill(text, columns - belowIndentColumns).map((part) => `${" ".repeat(belowIndentColumns)}${part}`)
  ]
}

/** Adds the required flags to the usage, and replaces long lists of choices, which the descriptions have, too. */
const complete = (doc: HelpDoc.HelpDoc): HelpDoc.HelpDoc => {
  const withShortType = (flag: HelpDoc.FlagDoc) => ({ ...flag, type: flag.type.includes("|") ? "choice" : flag.type })
  const required = doc.flags.filter((flag) => flag.required).map(({ name, type }) => `--${name} ${type} `)
  return {
    ...doc,
    usage: doc.usage.replace("[flags]", `${required.join("")}[flags]`),
    flags: doc.flags.map(withShortType),
    ...(doc.globalFlags === undefined ? {} : { globalFlags: doc.globalFlags.map(withShortType) })
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: headings may be coloured
const headingPattern = /^(?:\u001b\[[0-9;]*m)*([A-Z][A-Z ]+)/

/** Formats the help of a command. Commands of examples are not wrapped, so that they can be copied. */
export const format = (doc: HelpDoc.HelpDoc, columns: number, colors: boolean): string => {
  const text = CliOutput.defaultFormatter({ colors }).formatHelpDoc(complete(doc))
  const lines: Array<string> = []
  let heading = ""
  for (const line of text.split("\n")) {
    const found = headingPattern.exec(line)?.[1]
    if (found !== undefined) {
      heading = found
      if (lines.length > 0 && lines.at(-1) !== "") lines.push("")
    }
    const isExample = heading === "EXAMPLES" && !line.includes("# ")
    lines.push(...(isExample ? [line] : wrapLine(line, columns)))
  }
  return lines.join("\n")
}
