/** Signals of the process, and the end of its terminal, as requests to the running command. */
import * as Fs from "node:fs"
import * as Effect from "effect/Effect"
import * as SystemErrorText from "../../network/SystemErrorText.ts"
import * as NodeExit from "./NodeExit.ts"

/** The command that the signals are for. */
export interface Options {
  /** True for a server: it ends in order, and SIGHUP may be a request to reload, also while it starts. */
  readonly isServer: boolean
  /** True if it has files to read again, such as a configuration file. */
  readonly reloads: boolean
  /** Ends a command that does not wait for `shutdown`. */
  readonly interrupt: () => void
}

/** Requests of the process to the running command. */
export interface NodeSignals {
  /** Waits until a server is to end. A command that does not wait, and a server that starts, is interrupted. */
  readonly shutdown: Effect.Effect<void>
  /** Returns true if the reader of standard output has closed the pipe. */
  readonly isReaderGone: () => boolean
  /** Waits for the next request to reload. */
  readonly reload: Effect.Effect<void>
  /** Returns the signal that has asked for the end; undefined if none has. */
  readonly endSignal: () => NodeJS.Signals | undefined
}

const signals = ["SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP"] as const

/**
 * Returns whether this process has a controlling terminal. It has none once that is closed, and none if setsid(1) has
 * started it, although its standard streams may be a terminal.
 */
const hasTerminal = () => {
  try {
    Fs.closeSync(Fs.openSync("/dev/tty", "r"))
    return true
  } catch {
    return false
  }
}

/**
 * Listens for signals until the process exits.
 *
 * - SIGINT, SIGTERM and SIGQUIT end the command; the second one exits at once with code 130.
 * - SIGHUP requests a reload of a server that has files to read again, else it ends the command, as often as it comes.
 *   A server that starts reloads once it serves.
 * - A terminal that is closed ends the command, whatever else SIGHUP does, and also if only a write to it tells so.
 */
export const listen = ({ interrupt, isServer, reloads }: Options): NodeSignals => {
  const startedOnTerminal = isServer && hasTerminal()
  const waiting = { shutdown: undefined as (() => void) | undefined, reload: undefined as (() => void) | undefined }
  let isServing = false
  let isEnding = false
  let isReloadPending = false
  let exitsAtNext = false
  let isReaderGone = false
  let endSignal: NodeJS.Signals | undefined

  const end = () => {
    if (isEnding) return
    isEnding = true
    if (isServing) waiting.shutdown?.()
    else interrupt()
  }
  const requestReload = () => {
    isReloadPending = waiting.reload === undefined
    waiting.reload?.()
  }
  for (const signal of signals) {
    process.on(signal, () => {
      if (signal === "SIGHUP") {
        const isTerminalLost = startedOnTerminal && !hasTerminal()
        if (isServer && reloads && !isTerminalLost) return requestReload()
      } else {
        if (exitsAtNext) NodeExit.exitNow(130, signal)
        exitsAtNext = true
      }
      endSignal = signal
      end()
    })
  }
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // A reader that closes the pipe early, such as head or less, is not an error: the command ends. EIO: the terminal
    // is closed.
    isReaderGone ||= error.code === "EPIPE"
    if (error.code === "EPIPE" || error.code === "EIO") return end()
    process.stderr.write(`effect-inet: standard output: ${SystemErrorText.format(error)}\n`)
    process.exit(1)
  })
  // Messages that nobody can read are lost; the results still count.
  process.stderr.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EIO") end()
  })
  return {
    isReaderGone: () => isReaderGone,
    endSignal: () => endSignal,
    shutdown: Effect.callback<void>((resume) => {
      isServing = true
      waiting.shutdown = () => resume(Effect.void)
      if (isEnding) resume(Effect.void)
    }),
    reload: Effect.callback<void>((resume) => {
      if (isReloadPending) {
        isReloadPending = false
        return resume(Effect.void)
      }
      waiting.reload = () => {
        waiting.reload = undefined
        resume(Effect.void)
      }
      return Effect.sync(() => {
        waiting.reload = undefined
      })
    })
  }
}
