/** Child processes that answer each line with a line. They are ended when their scope closes. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Readline from "node:readline"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

/** A program that does not run as expected; a missed bar is not an error. */
export class BenchError extends Data.TaggedError("BenchError")<{ readonly message: string }> {}

/** A running child. `request` sends a line and waits for the reply. */
export interface Child {
  readonly pid: number
  readonly firstLine: string
  readonly request: (line: string) => Effect.Effect<string, BenchError>
}

/** Options of a child. */
export interface ChildOptions {
  /** CPU of the first thread; the kernel places the other threads, which collect Node's garbage. */
  readonly cpu?: number | undefined
}

/** Time within which a child must reply to a line. */
const replyTimeout = "60 seconds"

/** Time from SIGTERM to SIGKILL. */
const exitTimeoutMillis = 2_000

/** CPUs that this process may use; empty if they are unknown or `taskset` is missing. */
export const cpus: ReadonlyArray<number> = (() => {
  if (process.platform !== "linux" || spawnSync("taskset", ["--version"]).status !== 0) return []
  const list = /^Cpus_allowed_list:\s*(.*)$/m.exec(Fs.readFileSync("/proc/self/status", "utf8"))?.[1] ?? ""
  return list.split(",").flatMap((range) => {
    const [first, last = first] = range.split("-").map(Number)
    return Array.from({ length: last! - first! + 1 }, (_, i) => first! + i)
  })
})()

const hasEnded = (child: ChildProcess) =>
  child.exitCode !== null || child.signalCode !== null || child.pid === undefined

const stop = (child: ChildProcess) =>
  Effect.callback<void>((resume) => {
    if (hasEnded(child)) return resume(Effect.void)
    const kill = setTimeout(() => child.kill("SIGKILL"), exitTimeoutMillis)
    child.once("exit", () => {
      clearTimeout(kill)
      resume(Effect.void)
    })
    child.stdin?.end()
    child.kill("SIGTERM")
  })

/**
 * Starts a program and waits for its first line. When the scope closes it gets SIGTERM and the end of its input; the
 * latter reaches it even if this process is killed.
 */
export const start = Effect.fnUntraced(function* (
  command: string,
  args: ReadonlyArray<string>,
  { cpu }: ChildOptions = {}
) {
  const name = `${command} ${args.join(" ")}`
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] })),
    stop
  )
  const lines: Array<string> = []
  let onLine: (() => void) | undefined
  let endReason: string | undefined
  const onEnd = (why: string) => {
    endReason ??= `${name}: ${why}`
    onLine?.()
  }
  child.once("error", (error) => onEnd(error.message))
  child.once("exit", (code, signal) => onEnd(`ended with ${signal ?? `code ${code}`}`))
  child.stdin.on("error", (error) => onEnd(error.message))
  Readline.createInterface(child.stdout).on("line", (line) => {
    lines.push(line)
    onLine?.()
  })
  const nextLine = Effect.callback<string, BenchError>((resume) => {
    onLine = () => {
      const line = lines.shift()
      if (line === undefined && endReason === undefined) return
      onLine = undefined
      resume(line === undefined ? Effect.fail(new BenchError({ message: endReason! })) : Effect.succeed(line))
    }
    onLine()
  }).pipe(
    Effect.timeoutOrElse({
      duration: replyTimeout,
      orElse: () => Effect.fail(new BenchError({ message: `${name}: no reply within ${replyTimeout}` }))
    })
  )
  const firstLine = yield* nextLine
  if (cpu !== undefined) spawnSync("taskset", ["-p", "-c", String(cpu), String(child.pid)])
  const running: Child = {
    pid: child.pid ?? 0,
    firstLine,
    request: (line) =>
      Effect.andThen(
        Effect.sync(() => child.stdin.write(`${line}\n`)),
        nextLine
      )
  }
  return running
})

/** Compiles a C program of one file; it is deleted when the scope closes. Undefined without a compiler. */
export const compileC = Effect.fnUntraced(function* (source: string) {
  if (spawnSync("cc", ["--version"]).status !== 0) return undefined
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-inet-bench-"))),
    (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true }))
  )
  const program = Path.join(folder, Path.basename(source, ".c"))
  const { status, stderr } = spawnSync("cc", ["-O2", "-o", program, source], { encoding: "utf8" })
  return status === 0 ? program : yield* new BenchError({ message: `cc cannot compile ${source}: ${stderr.trim()}` })
})

/** Runs a program to its end and returns the wall time in milliseconds; fails if the exit code is not 0. */
export const wallTimeMillis = (command: string, args: ReadonlyArray<string>, env: NodeJS.ProcessEnv = process.env) =>
  Effect.callback<number, BenchError>((resume) => {
    const startedAt = performance.now()
    const child = spawn(command, args, { env, stdio: ["ignore", "ignore", "pipe"] })
    let stderr = ""
    child.stderr.on("data", (text) => {
      stderr += text
    })
    child.once("error", (error) => resume(Effect.fail(new BenchError({ message: `${command}: ${error.message}` }))))
    child.once("exit", (code) => {
      const millis = performance.now() - startedAt
      const message = `${command} ${args.join(" ")}: ended with code ${code}: ${stderr.trim().split("\n")[0] ?? ""}`
      resume(code === 0 ? Effect.succeed(millis) : Effect.fail(new BenchError({ message })))
    })
    return stop(child)
  })
