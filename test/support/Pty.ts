/** Runs a command of `effect-inet` on a terminal of its own, made by script(1), and sees what its screen shows. */
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import * as Effect from "effect/Effect"

const entry = Path.resolve(import.meta.dirname, "../../scripts/effect-inet.ts")

/** Whether this machine can make such a terminal. */
export const isHere = ["script", "stty"].every((name) => ChildProcess.spawnSync("which", [name]).status === 0)

/** How a command ended, all it wrote, and whether the terminal reads lines again and shows them. */
interface Ended {
  readonly code: number | null
  readonly output: string
  readonly isCooked: boolean
}

/** A command on a terminal. */
interface Terminal {
  /** Waits until the latest whole picture matches; dies with all that came when the command ends before. */
  readonly shows: (pattern: RegExp) => Effect.Effect<string>
  /** The same for what was written in any way. */
  readonly says: (pattern: RegExp) => Effect.Effect<string>
  readonly type: (keys: string) => Effect.Effect<void>
  readonly resize: (columns: number, rows: number) => Effect.Effect<void>
  readonly ended: Effect.Effect<Ended>
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: what a picture is made of
const picture = /\u001b\[H((?:(?!\u001b\[H).)*?)\u001b\[J/gs

/** The latest picture as text. */
const latest = (output: string) =>
  ([...output.matchAll(picture)].at(-1)?.[1] ?? "")
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours
    .replaceAll(/\u001b\[[0-9;]*[mK]/g, "")
    .replaceAll("\r", "")

/** Whether lines and their echo are the terminal's again, told after the command by the shell around it. */
const told = /(-?)icanon (-?)echo\r?\n$/

/** Starts a command; it is killed when the scope closes. */
export const start = Effect.fnUntraced(function* (args: ReadonlyArray<string>, columns = 60, rows = 20) {
  const run = `'${process.execPath}' '${entry}' ${args.join(" ")}; code=$?`
  const tell = "echo $(stty -a | grep -Eo -- '-?(icanon|echo)\\b'); exit $code"
  const command = `tty; stty rows ${rows} cols ${columns}; ${run}; ${tell}`
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
        else if (code !== undefined) resume(Effect.die(`ended with ${code}: ${JSON.stringify(output)}`))
      }
      watchers.add(check)
      check()
      return Effect.sync(() => void watchers.delete(check))
    })
  const matched = (text: () => string) => (pattern: RegExp) =>
    when(() => (pattern.test(text()) ? text() : undefined)).pipe(
      Effect.timeoutOrElse({
        duration: "10 seconds",
        orElse: () => Effect.die(`no ${pattern} in ${JSON.stringify(text())}`)
      })
    )
  const terminal: Terminal = {
    shows: matched(() => latest(output)),
    says: matched(() => output),
    type: (keys) => Effect.sync(() => void child.stdin.write(keys)),
    resize: (columns, rows) =>
      Effect.sync(() => {
        const [tty] = /\/dev\/\S+/.exec(output) ?? []
        ChildProcess.spawnSync("stty", ["-F", tty!, "rows", `${rows}`, "cols", `${columns}`])
      }),
    ended: when(() => {
      if (code === undefined) return undefined
      const [, ...raw] = told.exec(output) ?? [undefined, "unknown"]
      return { code, output: output.replace(told, ""), isCooked: raw.every((sign) => sign === "") }
    })
  }
  return terminal
})
