/** Runs the bundled command line, or a script from the sources, in a child process; or the command in this process. */
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import * as Util from "node:util"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { inject } from "vitest"
import * as NodeMain from "../../src/cli/NodeMain.ts"

const scripts = Path.resolve(import.meta.dirname, "../../scripts")

/** Exit code and output of a command. */
interface ExitResult {
  readonly code: number | null
  readonly stdout: Buffer
  readonly stderr: string
}

/** A running command. */
interface RunningCommand {
  readonly ended: Effect.Effect<ExitResult>
  readonly stdin: ChildProcess.ChildProcessWithoutNullStreams["stdin"]
  readonly stdout: ChildProcess.ChildProcessWithoutNullStreams["stdout"]
  readonly pid: number
  readonly kill: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** Waits until the output matches; dies with the output of stderr if the command ends before. */
  readonly waitForOutput: (stream: "stdout" | "stderr", pattern: RegExp) => Effect.Effect<RegExpExecArray>
}

const startProgram = Effect.fnUntraced(function* (
  entry: string,
  args: ReadonlyArray<string>,
  env: Record<string, string> = {}
) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      ChildProcess.spawn(process.execPath, ["--conditions=effect-inet-source", entry, ...args], {
        env: { ...process.env, ...env }
      })
    ),
    (child) => Effect.sync(() => void child.kill("SIGKILL"))
  )
  const output = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) }
  const watchers = new Set<() => void>()
  for (const name of ["stdout", "stderr"] as const) {
    const stream = child[name]
    stream.on("data", (bytes: Buffer) => {
      output[name] = Buffer.concat([output[name], bytes])
      for (const watcher of watchers) watcher()
    })
  }
  child.stdin.on("error", () => {})
  const exit = new Promise<ExitResult>((resolve) => {
    child.on("close", (code) => resolve({ code, stdout: output.stdout, stderr: output.stderr.toString() }))
  })
  const running: RunningCommand = {
    ended: Effect.promise(() => exit),
    stdin: child.stdin,
    stdout: child.stdout,
    pid: child.pid!,
    kill: (signal) => Effect.sync(() => void child.kill(signal)),
    waitForOutput: (stream, pattern) =>
      Effect.raceFirst(
        Effect.callback<RegExpExecArray>((resume) => {
          const check = () => {
            const match = pattern.exec(output[stream].toString())
            if (match !== null) resume(Effect.succeed(match))
          }
          watchers.add(check)
          check()
          return Effect.sync(() => void watchers.delete(check))
        }),
        Effect.flatMap(
          Effect.promise(() => exit),
          ({ code, stderr }) => Effect.die(`exited with code ${code} before its output matched ${pattern}: ${stderr}`)
        )
      )
  }
  return running
})

/** Starts a script, which is killed when the scope closes. */
export const startScript = (script: string, args: ReadonlyArray<string>, env?: Record<string, string>) =>
  startProgram(Path.join(scripts, script), args, env)

/** Starts a command of `effect-inet`, which is killed when the scope closes. */
export const start = (args: ReadonlyArray<string>, env?: Record<string, string>) =>
  startProgram(inject("command"), args, env)

/** Runs a command to its end. */
export const run = (
  args: ReadonlyArray<string>,
  options: { readonly stdin?: Uint8Array; readonly env?: Record<string, string> } = {}
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const running = yield* start(args, options.env)
      running.stdin.end(options.stdin ?? "")
      return yield* running.ended
    })
  )

/** Starts a server on a free port and waits until it listens. */
export const serve = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
  const running = yield* start([...args, "--port", "0", "--json"])
  const [line] = yield* running.waitForOutput("stdout", /^\{.*\}$/m)
  return { ...running, ...(JSON.parse(line) as { readonly address: string; readonly port: number }) }
})

/** Runs a command to its end in this process, in a twentieth of the time, for commands that need no signals. */
export const runInProcess = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
  const output = { stdout: "", stderr: "" }
  const append =
    (stream: keyof typeof output) =>
    (...parts: ReadonlyArray<unknown>) => {
      output[stream] += `${Util.format(...parts)}\n`
    }
  const console: Console.Console = {
    ...globalThis.console,
    log: append("stdout"),
    info: append("stdout"),
    error: append("stderr"),
    warn: append("stderr")
  }
  const exit = yield* Effect.exit(Effect.provideService(NodeMain.execute(args), Console.Console, console))
  const [code, line] = NodeMain.outcome(exit)
  if (line !== undefined) output.stderr += `effect-inet: ${line}\n`
  return { code, ...output }
})
