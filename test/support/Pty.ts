/** Runs a command of `effect-inet` on a pseudo-terminal made by script(1), and reads its screen. */
import * as ChildProcess from "node:child_process"
import * as Effect from "effect/Effect"
import { inject } from "vitest"

const entry = inject("command")

/** True if script(1) and stty(1) are installed. */
export const isAvailable = ["script", "stty"].every((name) => ChildProcess.spawnSync("which", [name]).status === 0)

/** Exit code and output of a command. `isCooked` is true if the terminal has line mode and echo on again. */
interface Ended {
  readonly code: number | null
  readonly output: string
  readonly isCooked: boolean
}

/** Running command with its terminal. */
interface Terminal {
  /** Waits until the latest complete frame matches. Dies with the whole output if the command ends before. */
  readonly waitForFrame: (pattern: RegExp) => Effect.Effect<string>
  /** Waits until the whole output matches. Dies if the command ends before. */
  readonly waitForOutput: (pattern: RegExp) => Effect.Effect<string>
  readonly type: (keys: string) => Effect.Effect<void>
  readonly resize: (columns: number, rows: number) => Effect.Effect<void>
  readonly ended: Effect.Effect<Ended>
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: frames contain escape sequences
const framePattern = /\u001b\[H((?:(?!\u001b\[H).)*?)\u001b\[J((?:\u001b\[[0-9;]*m|[^\u001b\n])*)/gs

/** Returns the latest frame as text. */
const latest = (output: string) =>
  ([...output.matchAll(framePattern)].at(-1)?.slice(1).join("") ?? "")
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are escape sequences
    .replaceAll(/\u001b\[[0-9;]*[mK]/g, "")
    .replaceAll("\r", "")

/** Output of stty(1), which the shell runs after the command: line mode and echo, each on or off. */
const sttyReport = /(-?)icanon (-?)echo\r?\n$/

/** Starts a command. Closing the scope kills it. */
export const start = Effect.fnUntraced(function* (args: ReadonlyArray<string>, columns = 60, rows = 20) {
  const run = `'${process.execPath}' '${entry}' ${args.join(" ")}; code=$?`
  const reportSettings = "echo $(stty -a | grep -Eo -- '-?(icanon|echo)\\b'); exit $code"
  const command = `tty; stty rows ${rows} cols ${columns}; ${run}; ${reportSettings}`
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => ChildProcess.spawn("script", ["-qfec", command, "/dev/null"], { env: process.env })),
    (child) => Effect.sync(() => void child.kill("SIGKILL"))
  )
  let output = ""
  let code: number | null | undefined
  const watchers = new Set<() => void>()
  const wake = () => {
    for (const watcher of watchers) watcher()
  }
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text
    wake()
  })
  child.on("close", (given) => {
    code = given
    wake()
  })
  child.stdin.on("error", () => {})
  const when = <A>(look: () => A | undefined) =>
    Effect.callback<A>((resume) => {
      const check = () => {
        const found = look()
        if (found !== undefined) resume(Effect.succeed(found))
        else if (code !== undefined)
          resume(Effect.die(`the command ended with code ${code}: ${JSON.stringify(output)}`))
      }
      watchers.add(check)
      check()
      return Effect.sync(() => void watchers.delete(check))
    })
  const matched = (text: () => string) => (pattern: RegExp) =>
    when(() => (pattern.test(text()) ? text() : undefined)).pipe(
      Effect.timeoutOrElse({
        duration: "40 seconds",
        orElse: () => Effect.die(`timed out: no match for ${pattern} in ${JSON.stringify(text())}`)
      })
    )
  const terminal: Terminal = {
    waitForFrame: matched(() => latest(output)),
    waitForOutput: matched(() => output),
    type: (keys) => Effect.sync(() => void child.stdin.write(keys)),
    resize: (columns, rows) =>
      Effect.sync(() => {
        const [tty] = /\/dev\/\S+/.exec(output) ?? []
        ChildProcess.spawnSync("stty", ["-F", tty!, "rows", `${rows}`, "cols", `${columns}`])
      }),
    ended: when(() => {
      if (code === undefined) return undefined
      const [, ...raw] = sttyReport.exec(output) ?? [undefined, "unknown"]
      return { code, output: output.replace(sttyReport, ""), isCooked: raw.every((sign) => sign === "") }
    })
  }
  return terminal
})
