/** Completions for zsh, as a script. Pure. */
import type { CommandEntry, FlagEntry, Value } from "./CompletionTable.ts"

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

/** Escapes the text of a description in \`_describe\` and \`_arguments\`. */
const escapeDescription = (text: string) => text.replaceAll(/[\\:[\]]/g, "\\$&")

const action = (value: Value): string => {
  switch (value._tag) {
    case "Choices":
      return `:value:(${value.choices.join(" ")})`
    case "File":
      return ":file:_files"
    case "Directory":
      return ":directory:_files -/"
    case "Host":
      return ":host:_hosts"
    case "User":
      return ":user:_users"
    case "Group":
      return ":group:_groups"
    case "Text":
      return ":value: "
    case "None":
      return ""
  }
}

const flagSpecs = ({ description, names, value }: FlagEntry) =>
  names.map((name) => {
    const separator = value._tag === "None" ? "" : name.startsWith("--") ? "=" : "+"
    return quote(`(${names.join(" ")})${name}${separator}[${escapeDescription(description)}]${action(value)}`)
  })

const argumentSpec = (value: Value, isRepeated: boolean) => quote(`${isRepeated ? "*" : ""}${action(value)}`)

const functionName = (program: string, path: ReadonlyArray<string>) =>
  `_${[program, ...path].join("_").replaceAll(/\W/g, "_")}`

const groupFunction = (program: string, { flags, path, subcommands }: CommandEntry) => `
${functionName(program, path)}() {
  local curcontext="$curcontext" state line
  typeset -A opt_args
  _arguments -C \\
    ${[...flags.flatMap(flagSpecs), "'1: :->command'", "'*:: :->argument'"].join(" \\\n    ")}
  case "$state" in
    command)
      local -a commands=(
${subcommands.map(({ description, name }) => `        ${quote(`${name}:${escapeDescription(description)}`)}`).join("\n")}
      )
      _describe -t commands command commands ;;
    argument)
      case "$words[1]" in
${subcommands.map(({ name }) => `        ${name}) ${functionName(program, [...path, name])} ;;`).join("\n")}
      esac ;;
  esac
}`

const commandFunction = (program: string, { args, flags, isVariadic, path }: CommandEntry) => `
${functionName(program, path)}() {
  _arguments -S \\
    ${[...flags.flatMap(flagSpecs), ...args.map((value, at) => argumentSpec(value, isVariadic && at === args.length - 1))].join(" \\\n    ")}
}`

/** Returns the script for a program. */
export const script = (program: string, entries: ReadonlyArray<CommandEntry>): string => {
  const functions = entries.map((entry) =>
    (entry.subcommands.length > 0 ? groupFunction : commandFunction)(program, entry)
  )
  const main = functionName(program, [])
  return `#compdef ${program}
# Completions of ${program} for zsh. Put them into a folder of fpath:
#   ${program} --completions zsh > ~/.zsh/completions/_${program}
# or read them after compinit: source <(${program} --completions zsh)
${functions.join("\n")}

if [[ "\${zsh_eval_context[-1]}" == loadautofunc ]]; then
  ${main} "$@"
else
  compdef ${main} ${program}
fi`
}
