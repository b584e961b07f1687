/** Interactive shells on a pseudo-terminal made by script(1), for tests of completions. */
import * as ChildProcess from "node:child_process"
import * as Effect from "effect/Effect"

/** Shells whose completions are tested. */
export type Shell = "bash" | "zsh" | "fish"

/** Tests if a shell and script(1) are installed. */
export const has = (shell: Shell) =>
  [shell, "script", "stty"].every((name) => ChildProcess.spawnSync("which", [name]).status === 0)

const commands: Readonly<Record<Shell, string>> = {
  bash: "bash --norc --noprofile -i",
  zsh: "zsh -f -i",
  fish: "fish --no-config -i"
}

/** Commands that make a shell ready: no decorations, and a function that prints the arguments it gets. */
const setUp: Readonly<Record<Shell, (script: string) => ReadonlyArray<string>>> = {
  bash: (script) => [
    "bind 'set bell-style none'; bind 'set enable-bracketed-paste off'; PS1='$ '",
    `effect-inet() { printf '<%s>' "$@"; echo; }`,
    `. '${script}'`
  ],
  zsh: (script) => [
    "unsetopt beep prompt_sp; PROMPT='$ '; autoload -U compinit && compinit -D -u",
    `effect-inet() { printf '<%s>' "$@"; echo }`,
    `. '${script}'`
  ],
  fish: (script) => [
    "function fish_prompt; echo '$ '; end; function effect-inet; printf '<%s>' $argv; echo; end",
    `source '${script}'`
  ]
}

/** A running shell that knows the completions. */
interface ShellTerminal {
  /** Types a line and TAB, then Enter. Returns the arguments that the command gets. */
  readonly complete: (line: string) => Effect.Effect<ReadonlyArray<string>>
}

/** Starts a shell in a folder, and reads the script of completions. The scope ends it. */
export const start = Effect.fnUntraced(function* (shell: Shell, script: string, folder: string) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      ChildProcess.spawn("script", ["-qfec", `stty rows 40 cols 240; ${commands[shell]}`, "/dev/null"], {
        cwd: folder,
        env: { ...process.env, TERM: "xterm", HOME: folder, LC_ALL: "C.UTF-8" }
      })
    ),
    (child) => Effect.sync(() => void child.kill("SIGKILL"))
  )
  let output = ""
  const watchers = new Set<() => void>()
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    // Fish asks the terminal who it is, and waits for the answer.
    if (text.includes("\u001b[c") || text.includes("\u001b[0c")) child.stdin.write("\u001b[?62c")
    output += text
    for (const watcher of watchers) watcher()
  })
  child.stdin.on("error", () => {})
  const waitFor = (pattern: RegExp) =>
    Effect.callback<RegExpExecArray>((resume) => {
      const check = () => {
        const found = pattern.exec(output)
        if (found !== null) resume(Effect.succeed(found))
      }
      watchers.add(check)
      check()
      return Effect.sync(() => void watchers.delete(check))
    }).pipe(
      Effect.timeoutOrElse({
        duration: "50 seconds",
        orElse: () => Effect.die(`${shell}: no ${pattern} in ${JSON.stringify(output)}`)
      })
    )
  const type = (text: string) => Effect.sync(() => void child.stdin.write(text))
  let number = 0
  /**
   * Runs a line at the prompt, and waits until the shell has finished it and prompts again. All is typed at the prompt:
   * while a command runs, the terminal would echo what is typed into the output of the command. The typed line lacks
   * the text that is waited for.
   */
  const run = Effect.fnUntraced(function* (line: string) {
    number++
    yield* type(`${line}; echo "done" ${number}.\n`)
    yield* waitFor(new RegExp(`done ${number}\\.\\r[^]*\\$ `))
  })
  for (const line of setUp[shell](script)) yield* run(line)
  const complete = Effect.fnUntraced(function* (line: string) {
    output = ""
    yield* run(`${line}\t`)
    const [, found = ""] = /(?:^|[\r\n])((?:<[^\r\n]*>)+)\r?\n/.exec(output) ?? []
    return found.slice(1, -1).split("><")
  })
  const terminal: ShellTerminal = { complete }
  return terminal
})
