/** A worker thread or child process behind one interface: messages both ways, kill, and one end with a reason. */
import * as ChildProcess from "node:child_process"
import { fileURLToPath } from "node:url"
import { type ResourceLimits, type TransferListItem, Worker } from "node:worker_threads"
import { constVoid } from "effect/Function"

/** A running worker. */
export interface WorkerHandle<ToWorker> {
  /** Posts a message. Does nothing after the end. Throws if the message cannot be cloned. */
  readonly post: (message: ToWorker, transfer?: ReadonlyArray<TransferListItem>) => void
  /** Ends the worker at once: a process by SIGKILL. */
  readonly kill: () => void
}

/** A child process, which can receive descriptors. */
export interface ProcessHandle<ToWorker> extends WorkerHandle<ToWorker> {
  readonly pid: number | undefined
  /** Posts a message with a descriptor. The socket stays open here, so that another worker can get it. */
  readonly postSocket: (message: ToWorker, socket: ChildProcess.SendHandle) => void
}

/** The callbacks of a worker. `onEnd` runs once, after the last message, also if the worker could not start. */
export interface Listeners<FromWorker> {
  readonly onMessage: (message: FromWorker) => void
  readonly onEnd: (reason: string) => void
}

/** The options of a thread. */
export interface ThreadOptions {
  readonly name?: string | undefined
  readonly workerData?: unknown
  /** The limits of the heap and the stack: a thread that exceeds them ends. */
  readonly resourceLimits?: ResourceLimits | undefined
  /** Receives what the thread prints. Default: the stdout of this process. */
  readonly onStdout?: ((bytes: Uint8Array) => void) | undefined
}

/** Returns the message of an error or of anything else that was thrown. */
export const messageOf = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))

/** Starts a thread. Throws if the platform refuses one. */
export const thread = <ToWorker, FromWorker>(
  url: URL,
  { name, onStdout, resourceLimits, workerData }: ThreadOptions,
  { onEnd, onMessage }: Listeners<FromWorker>
): WorkerHandle<ToWorker> => {
  const worker = new Worker(url, {
    workerData,
    stdout: onStdout !== undefined,
    ...(name === undefined ? {} : { name }),
    ...(resourceLimits === undefined ? {} : { resourceLimits })
  })
  let crash: string | undefined
  if (onStdout !== undefined) worker.stdout.on("data", onStdout)
  worker.on("message", onMessage)
  worker.on("messageerror", (cause) => {
    crash = `sent a message that cannot be read: ${messageOf(cause)}`
    void worker.terminate()
  })
  worker.on("error", (cause) => {
    crash = `crashed: ${messageOf(cause)}`
  })
  worker.once("exit", (code) => onEnd(crash ?? `exited with code ${code}`))
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    kill: () => void worker.terminate()
  }
}

/** The options of a child process. */
export interface ProcessOptions {
  readonly args?: ReadonlyArray<string> | undefined
  readonly execArgv?: ReadonlyArray<string> | undefined
  readonly environment?: NodeJS.ProcessEnv | undefined
  /** Encoding of the messages. Default: `json`; `advanced` is for those with bytes. */
  readonly serialization?: ChildProcess.SerializationType | undefined
  /** File descriptor of this process, or `ignore`. */
  readonly stdout: number | "ignore"
}

/** Time that a process has to end after its channel has closed, before it is killed. */
const disconnectGraceMillis = 1_000

/** Maximum size of what is kept of the output of a process that has sent no message. */
const maxEarlyOutputBytes = 64 * 1_024

/**
 * Forwards what a child prints to stderr, from its first message on. `error` returns the error that ended one without a
 * message: the line such as `TypeError: ...` of its stack trace.
 */
const forwardErrors = (child: ChildProcess.ChildProcess) => {
  let early: Buffer | undefined = Buffer.alloc(0)
  child.stderr?.on("data", (bytes: Buffer) => {
    if (early === undefined) process.stderr.write(bytes)
    else if (early.length < maxEarlyOutputBytes) early = Buffer.concat([early, bytes])
  })
  return {
    onMessage: () => {
      if (early !== undefined && early.length > 0) process.stderr.write(early)
      early = undefined
    },
    error: () => /^(?:\w*Error(?: \[\w+\])?): (.*)$/m.exec(early?.toString() ?? "")?.[1]
  }
}

/**
 * Starts a Node process. What it prints to stderr goes to that of this process. It is killed if it does not end after
 * its channel has closed. Throws if the platform refuses one; a failure that is reported later ends the worker.
 */
export const childProcess = <ToWorker, FromWorker>(
  url: URL,
  { args = [], environment, execArgv = process.execArgv, serialization = "json", stdout }: ProcessOptions,
  { onEnd, onMessage }: Listeners<FromWorker>
): ProcessHandle<ToWorker> => {
  const child = ChildProcess.fork(fileURLToPath(url), args, {
    stdio: ["ignore", stdout, "pipe", "ipc"],
    serialization,
    // A debugger of this process has its port.
    execArgv: execArgv.filter((flag) => !flag.startsWith("--inspect")),
    env: environment ?? process.env
  })
  const kill = () => void child.kill("SIGKILL")
  const errors = forwardErrors(child)
  let graceTimer: NodeJS.Timeout | undefined
  let ended = false
  const end = (reason: string) => {
    if (ended) return
    ended = true
    clearTimeout(graceTimer)
    const error = errors.error()
    onEnd(error === undefined ? reason : `crashed: ${error}`)
  }
  const postSocket = (message: ToWorker, socket?: ChildProcess.SendHandle) => {
    // Without a free descriptor the channel is missing; the `error` event follows.
    if (child.connected) child.send(message as ChildProcess.Serializable, socket, { keepOpen: true }, constVoid)
  }
  child.on("message", (message) => {
    errors.onMessage()
    onMessage(message as FromWorker)
  })
  child.on("error", ({ message }) => {
    if (child.pid === undefined) end(`failed to start (${message})`)
  })
  child.once("disconnect", () => {
    graceTimer = setTimeout(kill, disconnectGraceMillis)
  })
  // `close`, not `exit`: all messages of the worker have been read by then.
  child.once("close", (code, signal) => end(`ended with ${signal ?? `code ${code}`}`))
  return {
    pid: child.pid,
    post: (message) => postSocket(message),
    postSocket,
    kill
  }
}
