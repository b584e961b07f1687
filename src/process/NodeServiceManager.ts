/**
 * Reports to the service manager: systemd learns when the server is ready, reloads, stops, and that it responds.
 *
 * The messages are those of sd_notify(3), to the socket that NOTIFY_SOCKET names. Node has no unix datagram sockets, so
 * systemd's own program `systemd-notify` sends them: the unit has `NotifyAccess=all`. Without NOTIFY_SOCKET nothing is
 * sent and nothing is started.
 */
import * as ChildProcess from "node:child_process"
import * as Effect from "effect/Effect"

/** Reports of a server. Each is sent once it is returned; a report that cannot be sent is logged. */
interface NodeServiceManager {
  /** Reports that the server serves, also after a reload. */
  readonly ready: (status: string) => Effect.Effect<void>
  readonly reloading: Effect.Effect<void>
  readonly stopping: Effect.Effect<void>
  /** Reports one line about the server, which `systemctl status` shows. */
  readonly status: (status: string) => Effect.Effect<void>
}

/** Time that `systemd-notify` has to deliver a message. */
const sendTimeoutMillis = 5_000

/** Shortest time between two watchdog messages. */
const minWatchdogIntervalMillis = 10

/** Returns a text as one line: a line feed would begin another assignment. */
const oneLine = (text: string) => text.replaceAll(/\p{Cc}+/gu, " ").trim()

const statusOf = (text: string) => `STATUS=${oneLine(text)}`

/** Returns half the time in which systemd expects a watchdog message; undefined if it expects none of this process. */
export const watchdogIntervalMillis = (
  environment: Readonly<Record<string, string | undefined>>,
  pid: number
): number | undefined => {
  const { WATCHDOG_PID: watched, WATCHDOG_USEC: micros = "" } = environment
  if (!/^[1-9]\d{0,15}$/.test(micros) || (watched !== undefined && watched !== `${pid}`)) return undefined
  return Math.max(minWatchdogIntervalMillis, Number(micros) / 2_000)
}

/** Runs `systemd-notify`; returns the reason of a failure. */
const send = (socket: string, assignments: ReadonlyArray<string>) =>
  Effect.callback<string | undefined>((resume) => {
    const options = {
      env: { PATH: process.env.PATH, NOTIFY_SOCKET: socket },
      timeout: sendTimeoutMillis,
      killSignal: "SIGKILL"
    } as const
    ChildProcess.execFile("systemd-notify", [...assignments], options, (error) => {
      resume(Effect.succeed(error === null ? undefined : reasonOf(error)))
    })
  })

const reasonOf = (error: ChildProcess.ExecFileException) => {
  if (error.code === "ENOENT") return "systemd-notify is not installed; install it, or remove Type=notify from the unit"
  return error.killed === true ? `systemd-notify did not end within ${sendTimeoutMillis} ms` : error.message
}

/** Returns the calls to make in the environment of this process, which its children then do not have. */
const takeEnvironment = () => {
  const { NOTIFY_SOCKET: socket } = process.env
  const watchdogMillis = watchdogIntervalMillis(process.env, process.pid)
  for (const name of ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]) delete process.env[name]
  return { socket, watchdogMillis }
}

const silent: NodeServiceManager = {
  ready: () => Effect.void,
  reloading: Effect.void,
  stopping: Effect.void,
  status: () => Effect.void
}

/** Connects to the service manager; until the scope closes, its watchdog is served. */
export const make = Effect.gen(function* () {
  const { socket, watchdogMillis } = yield* Effect.sync(takeEnvironment)
  if (socket === undefined) return silent
  let lastFailure: string | undefined
  const notify = Effect.fnUntraced(function* (...assignments: ReadonlyArray<string>) {
    const failure = yield* send(socket, assignments)
    if (failure !== undefined && failure !== lastFailure) {
      yield* Effect.logWarning(`cannot notify systemd: ${oneLine(failure)}`)
    }
    if (failure === undefined && lastFailure !== undefined) yield* Effect.logInfo("systemd is notified again")
    lastFailure = failure
  })
  if (watchdogMillis !== undefined) {
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(notify("WATCHDOG=1"), Effect.sleep(watchdogMillis))))
  }
  const manager: NodeServiceManager = {
    ready: (status) => notify("READY=1", statusOf(status)),
    // The time is required by Type=notify-reload.
    reloading: Effect.suspend(() => notify("RELOADING=1", `MONOTONIC_USEC=${process.hrtime.bigint() / 1_000n}`)),
    stopping: notify("STOPPING=1"),
    status: (status) => notify(statusOf(status))
  }
  return manager
})
