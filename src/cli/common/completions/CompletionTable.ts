/** The commands, flags and arguments of a command line, for completions in a shell. Pure. */
import type * as HelpDoc from "effect/cli/HelpDoc"
import * as Option from "effect/Option"

/** Kinds of values for which a shell has candidates of its own. */
type SystemValue = "File" | "Directory" | "Host" | "User" | "Group"

/** Value of a flag or an argument. `Text` is a value for which a shell has no candidates. */
export type Value =
  | { readonly _tag: "None" | "Text" | SystemValue }
  | { readonly _tag: "Choices"; readonly choices: ReadonlyArray<string> }

/** Flag of a command. */
export interface FlagEntry {
  /** The name and the aliases, with their dashes. */
  readonly names: ReadonlyArray<string>
  readonly description: string
  readonly value: Value
}

/** Command or group of commands. */
export interface CommandEntry {
  /** The names after the program, such as `rot13 serve`. */
  readonly path: ReadonlyArray<string>
  readonly flags: ReadonlyArray<FlagEntry>
  readonly args: ReadonlyArray<Value>
  /** True if the last argument can be repeated. */
  readonly isVariadic: boolean
  readonly subcommands: ReadonlyArray<{ readonly name: string; readonly description: string }>
}

const choicesPattern = / *\(choices: ([^)]*)\)$/

/** Kinds of values by the placeholder in the help, such as FILE, HOST[:PORT] or ADDRESS,... */
const placeholders: ReadonlyArray<readonly [RegExp, SystemValue]> = [
  [/^(?:FILE|PATH)$/, "File"],
  [/^DIR$/, "Directory"],
  [/^(?:HOST|ADDRESS)(?![A-Z])/, "Host"],
  [/^USER(?![A-Z])/, "User"],
  [/^GROUP$/, "Group"]
]

/** Kinds of arguments by their name. */
const argumentNames: Readonly<Record<string, SystemValue>> = {
  file: "File",
  folder: "Directory",
  host: "Host"
}

const flagValue = (type: string, description: string): Value => {
  const [, choices] = choicesPattern.exec(description) ?? []
  if (choices !== undefined) return { _tag: "Choices", choices: choices.split(", ") }
  if (type === "boolean") return { _tag: "None" }
  return { _tag: placeholders.find(([pattern]) => pattern.test(type))?.[1] ?? "Text" }
}

const toFlag = ({ aliases, description, name, type }: HelpDoc.FlagDoc): FlagEntry => {
  const text = Option.getOrElse(description, () => "")
  return {
    names: [`--${name}`, ...aliases],
    description: text.replace(choicesPattern, ""),
    value: flagValue(type, text)
  }
}

/** Returns the entry of a command from its help. */
export const fromHelp = (doc: HelpDoc.HelpDoc, path: ReadonlyArray<string>): CommandEntry => ({
  path,
  flags: [...doc.flags, ...(doc.inheritedFlags ?? []), ...(doc.globalFlags ?? [])].map(toFlag),
  args: (doc.args ?? []).map(({ name }) => ({ _tag: argumentNames[name] ?? "Text" })),
  isVariadic: doc.args?.at(-1)?.variadic === true,
  subcommands: (doc.subcommands ?? []).flatMap(({ commands }) =>
    commands.map(({ description, name, shortDescription }) => ({ name, description: shortDescription ?? description }))
  )
})

/** Returns the word for a value in the scripts: `file`, or `choices a b`. Empty for a flag without a value. */
export const valueWord = (value: Value): string =>
  value._tag === "Choices"
    ? `choices ${value.choices.join(" ")}`
    : value._tag === "None"
      ? ""
      : value._tag.toLowerCase()
