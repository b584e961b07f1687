/** The processes of a farm on a cluster: hosts, workers and clients of the command line, for tests and scripts. */
import * as ChildProcess from "node:child_process"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** A running process, which is killed when the scope closes. */
export interface Process {
  readonly pid: number
  readonly stdout: () => string
  readonly stderr: () => string
  readonly kill: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** Waits until the output matches; dies with stderr if the process ends before. */
  readonly waitFor: (stream: "stdout" | "stderr", pattern: RegExp) => Effect.Effect<RegExpExecArray>
  /** Waits for the end, and returns the exit code. */
  readonly ended: Effect.Effect<number | null>
}

/** The command line as a cluster uses it. */
export interface Cluster {
  /** Starts a command with the database. */
  readonly start: (...args: ReadonlyArray<string>) => Effect.Effect<Process, never, Scope.Scope>
  /** Starts a host, and waits until it listens. */
  readonly host: (...args: ReadonlyArray<string>) => Effect.Effect<Process, never, Scope.Scope>
  /** Starts a worker machine, and waits until its pool has a host that knows it. */
  readonly worker: (...args: ReadonlyArray<string>) => Effect.Effect<Process, never, Scope.Scope>
  /** Runs a command to its end, and returns what it printed. */
  readonly run: (...args: ReadonlyArray<string>) => Effect.Effect<Result, never, Scope.Scope>
}

/** The exit code and the output of a command. */
export interface Result {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const start = (entry: string, args: ReadonlyArray<string>, env: Readonly<Record<string, string>>) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() =>
        ChildProcess.spawn(process.execPath, ["--conditions=effect-inet-source", entry, ...args], {
          env: { ...process.env, ...env },
          stdio: ["ignore", "pipe", "pipe"]
        })
      ),
      (child) => Effect.sync(() => void child.kill("SIGKILL"))
    ),
    (child): Process => {
      const output = { stdout: "", stderr: "" }
      const watchers = new Set<() => void>()
      for (const name of ["stdout", "stderr"] as const) {
        child[name].setEncoding("utf8").on("data", (text: string) => {
          output[name] += text
          for (const watcher of watchers) watcher()
        })
      }
      const exit = new Promise<number | null>((resolve) => child.once("close", resolve))
      const died = Effect.flatMap(
        Effect.promise(() => exit),
        (code) => Effect.die(`exited with code ${code} before its output matched: ${output.stderr}`)
      )
      const waitFor: Process["waitFor"] = (stream, pattern) =>
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
          died
        )
      return {
        pid: child.pid!,
        stdout: () => output.stdout,
        stderr: () => output.stderr,
        kill: (signal) => Effect.sync(() => void child.kill(signal)),
        waitFor,
        ended: Effect.promise(() => exit)
      }
    }
  )

/** Makes the command line with this entry and database. Farm and primes find the database in the environment. */
export const make = (entry: string, database: string, env: Readonly<Record<string, string>> = {}): Cluster => {
  const variables = { FARM_DATABASE: database, PRIMES_DATABASE: database, NO_COLOR: "1", ...env }
  const startCommand: Cluster["start"] = (...args) => start(entry, args, variables)
  return {
    start: startCommand,
    host: (...args) =>
      Effect.tap(startCommand("farm", "serve", "--port", "0", ...args), (host) => host.waitFor("stdout", /farm on/)),
    worker: (...args) =>
      Effect.tap(startCommand("farm", "work", ...args), (worker) => worker.waitFor("stdout", /for pool/)),
    run: (...args) =>
      Effect.gen(function* () {
        const running = yield* startCommand(...args)
        const code = yield* running.ended
        return { code, stdout: running.stdout().trim(), stderr: running.stderr() }
      })
  }
}
