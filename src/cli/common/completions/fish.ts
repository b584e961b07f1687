/** Completions for fish, as a script. Pure. */
import { type CommandEntry, valueWord } from "./CompletionTable.ts"

const quote = (text: string) => `'${text.replaceAll(/[\\']/g, "\\$&")}'`

/** Returns the rows of a command: `command NAME TEXT`, `flag NAME KIND TEXT` and `argument KIND`, separated by tabs. */
const rows = ({ args, flags, isVariadic, subcommands }: CommandEntry) => [
  ...subcommands.map(({ description, name }) => ["command", name, description]),
  ...flags.flatMap(({ description, names, value }) =>
    names.map((name) => ["flag", name, valueWord(value), description])
  ),
  ...args.map((value, at) => [isVariadic && at === args.length - 1 ? "arguments" : "argument", valueWord(value)])
]

const describeCommand = (entry: CommandEntry) => `        case ${quote(entry.path.join(" "))}
            printf '%s\\n' ${rows(entry)
              .map((row) => quote(row.join("\t")))
              .join(" \\\n                ")}`

/** The function with what is known of each command. */
const dataFunction = (
  name: string,
  entries: ReadonlyArray<CommandEntry>
) => `# Prints the subcommands, flags and arguments of a command.
function ${name}_rows
    switch "$argv[1]"
${entries.map(describeCommand).join("\n")}
    end
end`

/** The function that fish calls, which reads the line. */
const engine = (
  program: string,
  name: string
) => `# Prints the kind of the value of a flag: its name, then the rows of the command.
function ${name}_kind
    set -l flag (string escape --style=regex -- $argv[1])
    string replace -rf "^flag\\t$flag\\t([^\\t]+)\\t.*" '$1' -- $argv[2..-1]
end

# Prints the values of a kind: the kind, the text before each, and the text that they begin with.
function ${name}_values
    set -l values
    switch "$argv[1]"
        case file
            set values (__fish_complete_path $argv[3])
        case directory
            set values (__fish_complete_directories $argv[3] '')
        case host
            set values localhost (__fish_print_hostnames)
        case user
            set values (__fish_complete_users)
        case group
            set values (__fish_complete_groups)
        case 'choices *'
            set values (string split ' ' -- $argv[1])[2..-1]
    end
    for value in $values
        printf '%s\\n' "$argv[2]$value"
    end
end

function ${name}
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l path
    set -l rows (${name}_rows '')
    set -l kind
    set -l used
    set -l position 1
    set -l end 0
    for word in $words[2..-1]
        if test -n "$kind"
            set kind
        else if test $end = 1
            set position (math $position + 1)
        else if test "$word" = --
            set end 1
        else if string match -q -- '-*' $word
            set -a used (string split -m 1 -f 1 = -- $word)
            set kind (${name}_kind $word $rows)
        else if string match -q -- command\\t"$word"\\t'*' $rows
            set -a path $word
            set rows (${name}_rows "$path")
        else
            set position (math $position + 1)
        end
    end
    if test -n "$kind"
        ${name}_values $kind '' $current
    else if test $end = 0; and string match -q -- '-*=*' $current
        set -l parts (string split -m 1 = -- $current)
        ${name}_values (${name}_kind $parts[1] $rows) "$parts[1]=" $parts[2]
    else if test $end = 0; and string match -q -- '-*' $current
        for row in (string match -- 'flag*' $rows)
            set -l fields (string split \\t -- $row)
            contains -- $fields[2] $used; or printf '%s\\t%s\\n' $fields[2] $fields[4]
        end
    else if string match -q -- 'command*' $rows
        string replace -rf '^command\\t' '' -- $rows
    else
        set -l arguments (string match -- 'argument*' $rows)
        if test $position -gt (count $arguments); and string match -q -- 'arguments*' $arguments[-1]
            set position (count $arguments)
        end
        ${name}_values (string split -f 2 \\t -- $arguments[$position]) '' $current
    end
end

complete -c ${program} -f -a '(${name})'`

/** Returns the script for a program. */
export const script = (program: string, entries: ReadonlyArray<CommandEntry>): string => {
  const name = `__${program.replaceAll(/\W/g, "_")}`
  return `# Completions of ${program} for fish. Put them into a file that is read for each command:
#   ${program} --completions fish > ~/.config/fish/completions/${program}.fish

${dataFunction(name, entries)}

${engine(program, name)}`
}
