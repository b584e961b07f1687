/**
 * A program that a server runs after each upload, to publish a configuration or to test an image.
 *
 * The program is executed without a shell and without arguments: environment variables describe the upload. It runs in
 * a process group of its own, which is killed at its time limit. Neither a transfer nor another upload waits for it:
 * uploads that finish while the most processes run are queued, in their order.
 */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { Readable } from "node:stream"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SystemErrorText from "../../network/SystemErrorText.ts"
import * as TerminalText from "../../network/TerminalText.ts"
import * as NameText from "../protocol/NameText.ts"
import type * as TftpServer from "../TftpServer.ts"
import * as TftpServerEvent from "../TftpServerEvent.ts"

/** Options of the program: its path and its limits. @category models @since 0.1.0 */
export interface Options {
  /** The path of an executable file. */
  readonly command: string
  /** The most processes at the same time. Default 4. */
  readonly maxProcesses?: number | undefined
  /** The time limit of one process. Default 1 minute. */
  readonly timeout?: Duration.Input | undefined
  /**
   * The time that the server's own drain and the programs have together once the server stops. Programs that then still
   * run or wait are killed or not run. Default 5 seconds.
   */
  readonly drain?: Duration.Input | undefined
}

/** The program cannot be executed; reported when the hook is made. @category errors @since 0.1.0 */
export class UploadHookError extends Data.TaggedError("UploadHookError")<{ readonly message: string }> {}

type Upload = Extract<TftpServerEvent.Event, { readonly _tag: "Finished" }>

/** The most uploads that wait for a process. */
const maxQueuedUploads = 1_000

/** The time between SIGTERM and SIGKILL, and the longest wait after SIGKILL. */
const killGraceMillis = 1_000

/** The most bytes of stderr that are kept for the log. */
const maxErrorBytes = 1_024

/** Variables of the service manager for this process alone. */
const ownVariables = ["LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"]

/**
 * Returns the variables that describe an upload. A byte of a name that is not UTF-8 is `\xe9` in them, as an
 * environment of Node is UTF-8.
 *
 * @category formatting
 * @since 0.1.0
 */
export const variablesOf = ({ millis, path, summary, transfer }: Upload): Readonly<Record<string, string>> => ({
  TFTP_FILE: NameText.escape(transfer.filename),
  ...(path === undefined ? {} : { TFTP_PATH: NameText.escape(path) }),
  TFTP_CLIENT: transfer.client.address,
  TFTP_PORT: `${transfer.client.port}`,
  TFTP_MODE: transfer.mode,
  TFTP_BYTES: `${summary.bytes}`,
  TFTP_SECONDS: (millis / 1_000).toFixed(3)
})

const environmentOf = (upload: Upload) => {
  const inherited = { ...process.env }
  for (const name of ownVariables) delete inherited[name]
  return { ...inherited, ...variablesOf(upload) }
}

/** A running process, and the leader of its group. */
interface Running {
  readonly pid: number | undefined
  /** Returns undefined for success, else why the process failed. */
  readonly ended: Effect.Effect<string | undefined>
}

const spawn = (command: string, upload: Upload): Running => {
  const child = ChildProcess.spawn(command, [], {
    stdio: ["ignore", "ignore", "pipe"],
    env: environmentOf(upload),
    detached: true
  })
  // A process for which no pipe could be opened has none, and no error is thrown.
  const stderr = child.stderr as Readable | undefined
  let errors = Buffer.alloc(0)
  stderr?.on("data", (bytes: Buffer) => {
    if (errors.length < maxErrorBytes) errors = Buffer.concat([errors, bytes]).subarray(0, maxErrorBytes)
  })
  let outcome: { readonly failure: string | undefined } | undefined
  const waiting = new Set<() => void>()
  const end = (failure: string | undefined) => {
    outcome ??= { failure }
    // A background process of the program may still have the pipe.
    stderr?.destroy()
    for (const resume of waiting) resume()
  }
  child.once("error", (cause) => {
    if (child.pid === undefined) end(`cannot be started: ${SystemErrorText.format(cause)}`)
  })
  child.once("exit", (code, signal) => {
    const [line = ""] = TerminalText.escapeLines(errors.toString()).trim().split("\n")
    const text = line === "" ? "" : `: ${line}`
    end(code === 0 ? undefined : `${signal === null ? `exited with code ${code}` : `ended with ${signal}`}${text}`)
  })
  return {
    pid: child.pid,
    ended: Effect.callback((resume) => {
      const done = () => resume(Effect.succeed(outcome!.failure))
      if (outcome !== undefined) return done()
      waiting.add(done)
      return Effect.sync(() => waiting.delete(done))
    })
  }
}

const signalGroup = (pid: number, signal: NodeJS.Signals) => {
  try {
    process.kill(-pid, signal)
  } catch {
    // All processes of the group have ended.
  }
}

/** Kills a process and its children: first by SIGTERM, if they get time to end. */
const kill = Effect.fnUntraced(function* ({ ended, pid }: Running, graceMillis: number) {
  if (pid === undefined) return
  const wait = (millis: number) => Effect.timeoutOption(Effect.interruptible(ended), millis)
  if (graceMillis > 0) {
    signalGroup(pid, "SIGTERM")
    yield* wait(graceMillis)
  }
  signalGroup(pid, "SIGKILL")
  yield* wait(killGraceMillis)
}, Effect.uninterruptible)

/** Runs the program for one upload. Returns why it failed, undefined for success. An interruption kills it. */
const runProcess = (command: string, upload: Upload, timeout: Duration.Duration) =>
  Effect.suspend(() => {
    const running = spawn(command, upload)
    return Effect.gen(function* () {
      const ended = yield* Effect.timeoutOption(running.ended, timeout)
      if (Option.isSome(ended)) return ended.value
      yield* kill(running, killGraceMillis)
      return `killed after ${Duration.format(timeout)}; allow it more time`
    }).pipe(Effect.onInterrupt(() => kill(running, 0)))
  }).pipe(Effect.catchDefect((cause) => Effect.succeed(`cannot be started: ${SystemErrorText.format(cause)}`)))

/** Fails if the program is not an executable file. */
const check = (command: string) =>
  Effect.try({
    try: () => {
      if (!Fs.statSync(command).isFile()) throw new Error("is not a file")
      Fs.accessSync(command, Fs.constants.X_OK)
    },
    catch: (cause) =>
      new UploadHookError({
        message: `${TerminalText.escape(command)}: ${SystemErrorText.format(cause)}; name an executable program`
      })
  })

/** The uploads that wait for a process, and the processes. */
interface UploadQueue {
  /** Adds an upload. */
  readonly offer: (upload: Upload) => Effect.Effect<void>
  /** Waits until all uploads added before have been handled. */
  readonly end: Effect.Effect<void>
  /** Kills what still runs, and drops what waits; returns the number of both. */
  readonly stop: Effect.Effect<number>
}

const makeQueue = Effect.fnUntraced(function* (
  command: string,
  maxProcesses: number,
  timeout: Duration.Duration
): Effect.fn.Return<UploadQueue, never, Scope.Scope> {
  const waiting = yield* Queue.dropping<Upload, Cause.Done>(maxQueuedUploads)
  let unfinished = 0
  const report = (upload: Upload, problem: string) =>
    Effect.logWarning(`upload hook for ${TftpServerEvent.describe(upload.transfer)}: ${command} ${problem}`)
  const handle = Effect.fnUntraced(function* (upload: Upload) {
    const failure = yield* runProcess(command, upload, timeout)
    unfinished--
    if (failure !== undefined) yield* report(upload, failure)
  })
  const worker = Effect.forever(Effect.flatMap(Queue.take(waiting), handle)).pipe(
    Effect.catchIf(Cause.isDone, () => Effect.void)
  )
  const workers = yield* Effect.forkScoped(
    Effect.forEach(Array.from({ length: maxProcesses }), () => worker, { concurrency: "unbounded", discard: true })
  )
  return {
    offer: (upload) =>
      Effect.suspend(() => {
        if (!Queue.offerUnsafe(waiting, upload))
          return report(upload, `was not run: ${maxQueuedUploads} uploads wait already`)
        unfinished++
        return Effect.void
      }),
    end: Effect.andThen(Queue.end(waiting), Fiber.await(workers)),
    stop: Effect.suspend(() => {
      const count = unfinished
      return Effect.as(Fiber.interrupt(workers), count)
    })
  }
})

/**
 * Runs a program after each upload to a server, until the scope closes. Then the server is drained, and programs that
 * still run or wait are killed at the drain time. A program that fails or exceeds its time limit is logged. Fails if
 * the program cannot be executed.
 *
 * **Example** (Publish each uploaded configuration)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { FileStore, MemoryStore, NodeUploadHook, TftpServer } from "effect-inet/tftp"
 *
 * const serve = Effect.gen(function*() {
 *   const store = MemoryStore.make({ write: "create" })
 *   const server = yield* TftpServer.make({ port: 0 }).pipe(Effect.provideService(FileStore.FileStore, store))
 *   yield* NodeUploadHook.make(server, { command: "/usr/local/bin/publish", maxProcesses: 2, timeout: "30 seconds" })
 *   return yield* Effect.never
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  server: Pick<TftpServer.Server, "drain" | "events">,
  options: Options
): Effect.fn.Return<void, UploadHookError, Scope.Scope> {
  const command = Path.resolve(options.command)
  yield* check(command)
  const timeout = Duration.fromInputUnsafe(options.timeout ?? "1 minute")
  const queue = yield* makeQueue(command, options.maxProcesses ?? 4, timeout)
  let received = 0
  const onEvent = (event: TftpServerEvent.Event) => {
    received++
    return event._tag === "Finished" && event.transfer.kind === "WRQ" ? queue.offer(event) : Effect.void
  }
  yield* Effect.forkScoped(Stream.runForEach(server.events, onEvent), { startImmediately: true })
  const receiveRest = Effect.gen(function* () {
    for (let before = -1; before !== received; yield* Effect.yieldNow) before = received
  })
  const drain = options.drain ?? "5 seconds"
  yield* Effect.addFinalizer(() =>
    Effect.gen(function* () {
      // An interruption of the drain itself would stop it for all others that wait for it.
      const drained = yield* Effect.forkDetach(server.drain)
      const end = Fiber.await(drained).pipe(Effect.andThen(receiveRest), Effect.andThen(queue.end))
      const ended = yield* Effect.timeoutOption(Effect.interruptible(end), drain)
      if (Option.isSome(ended)) return
      const killed = yield* queue.stop
      if (killed > 0) yield* Effect.logWarning(`upload hook: the server stops: ${killed} programs killed or not run`)
    })
  )
})
