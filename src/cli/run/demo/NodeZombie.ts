/** Processes in /proc, and a parent that does not wait for its child. */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import type { Readable, Writable } from "node:stream"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

/** Status of a process, from /proc/PID/stat and /proc/PID/status. */
export interface ProcessStatus {
  readonly pid: number
  readonly command: string
  /** State in one letter: R runs, S sleeps, Z is a zombie. */
  readonly state: string
  readonly parent: number
  /** Resident memory in bytes. */
  readonly resident: number
  /** Exit code that `wait` would return; set only after the process has ended. */
  readonly exitCode: number
}

/** Indices of fields in the line, from the state on, which follows the name in parentheses. */
const field = { state: 0, parent: 1, exitCode: 49 } as const

const read = (pid: number, name: string) => Fs.readFileSync(`/proc/${pid}/${name}`, "latin1")

/** Returns the status of a process, or undefined if it does not exist. */
export const processStatus = (pid: number): Effect.Effect<ProcessStatus | undefined> =>
  Effect.sync(() => {
    try {
      const line = read(pid, "stat")
      const end = line.lastIndexOf(")")
      const fields = line.slice(end + 2).split(" ")
      return {
        pid,
        command: line.slice(line.indexOf("(") + 1, end),
        state: fields[field.state]!,
        parent: Number(fields[field.parent]),
        resident: Number(/^VmRSS:\s+(\d+) kB/m.exec(read(pid, "status"))?.[1] ?? 0) * 1_024,
        exitCode: Number(fields[field.exitCode]) >> 8
      }
    } catch {
      return undefined
    }
  })

export const isLinux = process.platform === "linux"

export const ownPid = process.pid

/** Sends a signal; ignores that the process does not exist. */
export const signal = (pid: number, name: NodeJS.Signals) =>
  Effect.sync(() => {
    try {
      process.kill(pid, name)
    } catch {
      // It has ended on its own.
    }
  })

/** Failure of the demonstration. */
export class ZombieError extends Data.TaggedError("ZombieError")<{ readonly message: string }> {}

const spawn = (command: string, args: ReadonlyArray<string>, stdio: ChildProcess.StdioOptions) =>
  Effect.callback<ChildProcess.ChildProcess, ZombieError>((resume) => {
    const child = ChildProcess.spawn(command, args, { stdio })
    child.once("spawn", () => resume(Effect.succeed(child)))
    child.once("error", ({ message }) => resume(Effect.fail(new ZombieError({ message }))))
  })

/** Child of this process that has a child and does not wait for it. */
interface NonReapingParent {
  readonly pid: number
  /** Process id of the grandchild. */
  readonly child: number
  /** Makes the grandchild exit. */
  readonly release: Effect.Effect<void>
  /** Ends the parent, and waits for it. */
  readonly end: Effect.Effect<void>
}

const parentSleepSeconds = 60

/** A shell that starts a child and executes `sleep`, which never waits for children. The child exits after a line. */
const script = `{ read line; exit 7; } <&3 & echo $!; exec sleep ${parentSleepSeconds}`

const firstNumber = (stream: Readable) =>
  Effect.callback<number>((resume) => {
    let text = ""
    stream.on("data", (bytes: Buffer) => {
      text += bytes
      const [, digits] = /^(\d+)\n/.exec(text) ?? []
      if (digits !== undefined) resume(Effect.succeed(Number(digits)))
    })
  })

const whenExited = (child: ChildProcess.ChildProcess) =>
  Effect.callback<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
  })

/** Starts a parent that does not wait. Closing the scope ends it and its child. */
export const startNonReapingParent = Effect.gen(function* () {
  const child = yield* Effect.acquireRelease(
    spawn("sh", ["-c", script], ["ignore", "pipe", "ignore", "pipe"]),
    (child) =>
      Effect.suspend(() => {
        child.kill("SIGKILL")
        ;(child.stdio[3] as Writable).destroy()
        return whenExited(child)
      })
  )
  const parent: NonReapingParent = {
    pid: child.pid!,
    child: yield* firstNumber(child.stdout!),
    release: Effect.sync(() => void (child.stdio[3] as Writable).write("\n")),
    end: Effect.suspend(() => {
      child.kill("SIGTERM")
      return whenExited(child)
    })
  }
  return parent
})

/** Runs a command as a child of this process, until Node emits its exit. */
export const runAndWait = Effect.fnUntraced(function* (command: string, ...args: ReadonlyArray<string>) {
  const child = yield* spawn(command, args, "ignore")
  yield* whenExited(child)
  return { pid: child.pid!, code: child.exitCode }
})
