/** Shell scripts in child processes, for tests that connect this command line with foreign programs. */
import * as ChildProcess from "node:child_process"
import * as Net from "node:net"
import * as Effect from "effect/Effect"
import { inject } from "vitest"

const entry = inject("command")

/** The command line of `effect-inet`, for a shell. */
export const inet = `'${process.execPath}' --conditions=effect-inet-source '${entry}'`

/** Tests if all programs are installed. */
export const have = (...programs: ReadonlyArray<string>) =>
  programs.every((name) => ChildProcess.spawnSync("which", [name]).status === 0)

/** A running script. */
interface Script {
  readonly child: ChildProcess.ChildProcessWithoutNullStreams
  readonly stdout: () => string
  readonly stderr: () => string
  /** Waits until the output matches; dies if the script ends before. */
  readonly waitFor: (stream: "stdout" | "stderr", pattern: RegExp) => Effect.Effect<RegExpExecArray>
  readonly type: (text: string) => Effect.Effect<void>
  /** Waits for the end, and returns the exit code. */
  readonly ended: Effect.Effect<number | null>
}

/** Starts a script in a process group of its own, which is killed when the scope closes. */
export const start = Effect.fnUntraced(function* (script: string) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => ChildProcess.spawn("sh", ["-c", script], { detached: true })),
    (child) =>
      Effect.sync(() => {
        try {
          process.kill(-child.pid!, "SIGKILL")
        } catch {
          // The group has ended.
        }
      })
  )
  const output = { stdout: "", stderr: "" }
  const watchers = new Set<() => void>()
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text
      for (const watcher of watchers) watcher()
    })
  }
  child.stdin.on("error", () => {})
  const exit = new Promise<number | null>((resolve) => child.on("close", resolve))
  const running: Script = {
    child,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    waitFor: (stream, pattern) =>
      Effect.raceFirst(
        Effect.callback<RegExpExecArray>((resume) => {
          const check = () => {
            const match = pattern.exec(output[stream])
            if (match !== null) resume(Effect.succeed(match))
          }
          watchers.add(check)
          check()
          return Effect.sync(() => void watchers.delete(check))
        }),
        Effect.flatMap(
          Effect.promise(() => exit),
          (code) => Effect.die(`ended with ${code} before ${pattern} matched: ${JSON.stringify(output)}`)
        )
      ),
    type: (text) => Effect.sync(() => void child.stdin.write(text)),
    ended: Effect.promise(() => exit)
  }
  return running
})

/** Returns a TCP and UDP port that is free at present, for a program that cannot choose one itself. */
export const freePort = Effect.promise(
  () =>
    new Promise<number>((resolve) => {
      const server = Net.createServer().listen(0, "127.0.0.1", () => {
        const { port } = server.address() as Net.AddressInfo
        server.close(() => resolve(port))
      })
    })
)
