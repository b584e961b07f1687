/** Completions for bash, as a script. Pure. */
import { type CommandEntry, valueWord } from "./CompletionTable.ts"

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

const describeCommand = ({ args, flags, isVariadic, path, subcommands }: CommandEntry) => {
  const names = flags.flatMap(({ names }) => names)
  const kinds = args.map((value, at) => `${valueWord(value)}${isVariadic && at === args.length - 1 ? "..." : ""}`)
  return `    ${quote(path.join(" "))})
      commands=${quote(subcommands.map(({ name }) => name).join(" "))}
      flags=${quote(names.join(" "))}
      arguments=${quote(kinds.join(" "))} ;;`
}

const describeValues = ({ flags, path }: CommandEntry) =>
  flags.flatMap(({ names, value }) => {
    const word = valueWord(value)
    if (word === "") return []
    return [`    ${names.map((name) => quote([...path, name].join(" "))).join("|")}) kind=${quote(word)} ;;`]
  })

/** Functions with what is known of each command. */
const dataFunctions = (
  name: string,
  entries: ReadonlyArray<CommandEntry>
) => `# Sets commands, flags and arguments for a command.
${name}_command() {
  case "$1" in
${entries.map(describeCommand).join("\n")}
  esac
}

# Sets kind to the kind of the value of a flag; empty if the flag has none.
${name}_kind() {
  kind=''
  case "$1" in
${entries.flatMap(describeValues).join("\n")}
  esac
}`

/** The function that bash calls, which reads the line. */
const engine = (program: string, name: string) => `# Offers the values of a kind that begin with a text.
${name}_values() {
  case "$1" in
    file*) compopt -o bashdefault -o default ;;
    directory*) compopt -o dirnames ;;
    host*) COMPREPLY=($(compgen -A hostname -X '*:*' -- "$2")) ;;
    user*) COMPREPLY=($(compgen -A user -- "$2")) ;;
    group*) COMPREPLY=($(compgen -A group -- "$2")) ;;
    choices*) COMPREPLY=($(compgen -W "\${1#choices }" -- "$2")) ;;
  esac
}

${name}() {
  local commands flags arguments kind='' path='' flag='' used=' ' end='' position=0 count=0 i word
  local line="\${COMP_LINE#*"\${COMP_WORDS[0]}"}" words=()
  COMPREPLY=()
  # Bash splits words at = and : too.
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    if [[ $count == 0 || $line == [[:blank:]]* ]]; then
      words[count]="$word"
      count=$((count + 1))
    else
      words[count - 1]+="$word"
    fi
    line="\${line#*"$word"}"
  done
  local current="\${words[count - 1]}"
  ${name}_command ''
  for ((i = 0; i < count - 1; i++)); do
    word="\${words[i]}"
    if [[ -n $flag ]]; then
      flag=''
      continue
    fi
    case "$end$word" in
      --) end=' ' ;;
      -*=*) used+="\${word%%=*} " ;;
      -*)
        used+="$word "
        ${name}_kind "\${path:+$path }$word"
        [[ -n $kind ]] && flag="$word" ;;
      *)
        if [[ " $commands " == *" $word "* ]]; then
          path="\${path:+$path }$word"
          ${name}_command "$path"
        else
          position=$((position + 1))
        fi ;;
    esac
  done
  if [[ -n $flag ]]; then
    ${name}_kind "\${path:+$path }$flag"
    ${name}_values "$kind" "$current"
  elif [[ -z $end && $current == -*=* ]]; then
    ${name}_kind "\${path:+$path }\${current%%=*}"
    ${name}_values "$kind" "\${current#*=}"
  elif [[ -z $end && $current == -* ]]; then
    local unused=''
    for word in $flags; do
      [[ $used == *" $word "* ]] || unused+="$word "
    done
    COMPREPLY=($(compgen -W "$unused" -- "$current"))
  elif [[ -n $commands ]]; then
    COMPREPLY=($(compgen -W "$commands" -- "$current"))
  else
    local kinds=($arguments)
    ((position < \${#kinds[@]})) || [[ $arguments != *... ]] || position=$((\${#kinds[@]} - 1))
    ${name}_values "\${kinds[position]}" "$current"
  fi
}

complete -F ${name} ${program}`

/** Returns the script for a program. */
export const script = (program: string, entries: ReadonlyArray<CommandEntry>): string => {
  const name = `_${program.replaceAll(/\W/g, "_")}`
  return `# Completions of ${program} for bash. Put them into a file that is read for each command:
#   ${program} --completions bash > ~/.local/share/bash-completion/completions/${program}
# or read them at once: source <(${program} --completions bash)

${dataFunctions(name, entries)}

${engine(program, name)}`
}
