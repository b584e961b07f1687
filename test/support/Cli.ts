/** Runs the bundled command line, or a script from the sources, in a child process; or the command in this process. */
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import * as Util from "node:util"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Console from "effect/Console"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Sink from "effect/Sink"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { inject } from "vitest"
import { ShutdownSignal } from "../../src/cli/common/Shutdown.ts"
import { StandardStreams } from "../../src/cli/common/terminalStreams.ts"
import { isServer } from "../../src/cli/main.ts"
import * as NodeMain from "../../src/cli/NodeMain.ts"

const scripts = Path.resolve(import.meta.dirname, "../../scripts")

/** Exit code and output of a command. */
interface ExitResult {
  readonly code: number | null
  readonly stdout: Buffer
  readonly stderr: string
}

type StreamName = "stdout" | "stderr"

/** Output so far of a running command, and what waits for more. */
const makeOutput = () => {
  const pieces: Record<StreamName, Array<Uint8Array>> = { stdout: [], stderr: [] }
  const watchers = new Set<() => void>()
  const bytes = (stream: StreamName) => {
    const all = Buffer.concat(pieces[stream])
    pieces[stream] = [all]
    return all
  }
  return {
    bytes,
    append: (stream: StreamName, more: Uint8Array) => {
      pieces[stream].push(more)
      for (const watcher of watchers) watcher()
    },
    /** Waits until a stream matches; dies with the output of stderr if the command ends before. */
    waitFor: (stream: StreamName, pattern: RegExp, ended: Effect.Effect<{ readonly code: number | null }>) =>
      Effect.raceFirst(
        Effect.callback<RegExpExecArray>((resume) => {
          const check = () => {
            const match = pattern.exec(bytes(stream).toString())
            if (match !== null) resume(Effect.succeed(match))
          }
          watchers.add(check)
          check()
          return Effect.sync(() => void watchers.delete(check))
        }),
        Effect.flatMap(ended, ({ code }) =>
          Effect.die(`exited with code ${code} before its output matched ${pattern}: ${bytes("stderr")}`)
        )
      )
  }
}

/** A running command. */
interface RunningCommand {
  readonly ended: Effect.Effect<ExitResult>
  readonly stdin: ChildProcess.ChildProcessWithoutNullStreams["stdin"]
  readonly stdout: ChildProcess.ChildProcessWithoutNullStreams["stdout"]
  readonly pid: number
  readonly kill: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** Ends it by SIGTERM, and waits for its end. */
  readonly shutdown: Effect.Effect<ExitResult>
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
  const { append, bytes, waitFor } = makeOutput()
  for (const name of ["stdout", "stderr"] as const) child[name].on("data", (more: Buffer) => append(name, more))
  child.stdin.on("error", () => {})
  const exit = new Promise<ExitResult>((resolve) => {
    child.on("close", (code) => resolve({ code, stdout: bytes("stdout"), stderr: bytes("stderr").toString() }))
  })
  const ended = Effect.promise(() => exit)
  const running: RunningCommand = {
    ended,
    stdin: child.stdin,
    stdout: child.stdout,
    pid: child.pid!,
    kill: (signal) => Effect.sync(() => void child.kill(signal)),
    shutdown: Effect.suspend(() => {
      child.kill("SIGTERM")
      return ended
    }),
    waitForOutput: (stream, pattern) => waitFor(stream, pattern, ended)
  }
  return running
})

const isPageFlag = (arg: string) => arg === "--page" || arg.startsWith("--page=")

/** Keeps `up` off the default port of its page, which another one may have, unless a test asks for the page. */
const withoutPage = (args: ReadonlyArray<string>) =>
  args[0] === "up" && !args.some(isPageFlag) ? ["up", "--page", "off", ...args.slice(1)] : args

/** Starts a script, which is killed when the scope closes. */
export const startScript = (script: string, args: ReadonlyArray<string>, env?: Record<string, string>) =>
  startProgram(Path.join(scripts, script), args, env)

/** Starts a command of `effect-inet`, which is killed when the scope closes. */
export const start = (args: ReadonlyArray<string>, env?: Record<string, string>) =>
  startProgram(inject("command"), withoutPage(args), env)

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

/** Waits until a server that was started with `--json` listens; returns its address, too. */
const listening = <A extends Pick<RunningCommand, "waitForOutput">>(running: A) =>
  Effect.map(running.waitForOutput("stdout", /^\{.*\}$/m), ([line]) => ({
    ...running,
    ...(JSON.parse(line) as { readonly address: string; readonly port: number })
  }))

const onFreePort = ["--port", "0", "--json"]

/** Starts a server on a free port and waits until it listens. */
export const serve = (args: ReadonlyArray<string>) => Effect.flatMap(start([...args, ...onFreePort]), listening)

/** Options of a command in this process. */
interface LocalOptions {
  /** Standard input. Default: none. */
  readonly stdin?: Uint8Array
  /** Variables that the options are read from. Default: those of the test. */
  readonly env?: Record<string, string>
}

/**
 * Starts a command in this process, in a twentieth of the time. The scope interrupts it. It has no signals and no
 * terminal.
 */
export const startInProcess = Effect.fnUntraced(function* (
  given: ReadonlyArray<string>,
  { env, stdin = new Uint8Array(0) }: LocalOptions = {}
) {
  const args = withoutPage(given)
  const { append, bytes, waitFor } = makeOutput()
  const write = (stream: StreamName) => (more: string | Uint8Array) => append(stream, Buffer.from(more))
  const print =
    (stream: StreamName) =>
    (...parts: ReadonlyArray<unknown>) =>
      write(stream)(`${Util.format(...parts)}\n`)
  const console: Console.Console = {
    ...globalThis.console,
    log: print("stdout"),
    info: print("stdout"),
    error: print("stderr"),
    warn: print("stderr")
  }
  const sink = (stream: StreamName) => () =>
    Sink.forEach((more: string | Uint8Array) => Effect.sync(() => write(stream)(more)))
  const streams = Stdio.make({
    args: Effect.succeed(args),
    stdin: stdin.length === 0 ? Stream.empty : Stream.succeed(stdin),
    stdout: sink("stdout"),
    stderr: sink("stderr")
  })
  const requested = yield* Deferred.make<void>()
  const result = yield* Deferred.make<{ readonly code: number; readonly stdout: string; readonly stderr: string }>()
  const variables = env === undefined ? yield* ConfigProvider.ConfigProvider : ConfigProvider.fromEnv({ env })
  // The layer of `execute` has all that a command needs.
  const command = NodeMain.execute(args) as Effect.Effect<void, unknown>
  yield* command.pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, variables),
    Effect.provideService(Console.Console, console),
    Effect.provideService(StandardStreams, streams),
    Effect.provideService(ShutdownSignal, Deferred.await(requested)),
    // A command shares no layer with another one, nor with the test.
    Effect.provideService(Layer.CurrentMemoMap, Layer.makeMemoMapUnsafe()),
    Effect.onExit((exit) => {
      const [code, line] = NodeMain.outcome(exit, isServer(args))
      if (line !== undefined) write("stderr")(`effect-inet: ${line}\n`)
      return Deferred.succeed(result, { code, stdout: bytes("stdout").toString(), stderr: bytes("stderr").toString() })
    }),
    Effect.exit,
    Effect.forkScoped
  )
  const ended = Deferred.await(result)
  return {
    ended,
    /** Requests the end of a server, as SIGTERM does, and waits for it. */
    shutdown: Effect.andThen(Deferred.succeed(requested, undefined), ended),
    waitForOutput: (stream: StreamName, pattern: RegExp) => waitFor(stream, pattern, ended)
  }
})

/** Runs a command to its end in this process. */
export const runInProcess = (args: ReadonlyArray<string>, options?: LocalOptions) =>
  Effect.scoped(Effect.flatMap(startInProcess(args, options), ({ ended }) => ended))

/** Starts a server in this process on a free port and waits until it listens. */
export const serveInProcess = (args: ReadonlyArray<string>) =>
  Effect.flatMap(startInProcess([...args, ...onFreePort]), listening)
