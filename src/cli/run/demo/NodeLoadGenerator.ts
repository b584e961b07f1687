/** A server in a separate process, and its memory. */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import { getCompileCacheDir } from "node:module"
import { fileURLToPath } from "node:url"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as NodeModuleUrl from "../../../process/NodeModuleUrl.ts"

/** Variants of the models, as arguments of the server process. */
export const modelVariants = ["iterative", "fibers", "select", "processes", "pool of 2", "2 threads"] as const

export type ModelVariant = (typeof modelVariants)[number]

/** Task of the thread that generates the load. */
export interface LoadJob {
  readonly port: number
  readonly clients: number
  readonly turns: number
}

/** Measurement: milliseconds from the first connection to the last answer, and of each turn. */
interface Measured {
  readonly millis: number
  readonly turns: Float64Array
}

/** Result of the load thread: the measurement, or the reason why it failed. */
export type LoadResult = Measured | string

/** Failure of a server to start or to run until the end of the load. */
export class LoadError extends Data.TaggedError("LoadError")<{ readonly message: string }> {}

const serverProgram = fileURLToPath(NodeModuleUrl.sibling(import.meta.url, "NodeLoadServerProcess"))

const whenExited = (child: ChildProcess.ChildProcess) =>
  Effect.callback<void>((resume) => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
  })

/** Starts a server. Returns its process id and port; closing the scope ends it, by SIGKILL after 5 seconds. */
export const startServer = Effect.fnUntraced(function* (kind: ModelVariant, clients: number) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      ChildProcess.fork(serverProgram, [kind, `${clients}`], {
        stdio: ["ignore", "ignore", "inherit", "ipc"],
        execArgv: [],
        // Without a common cache the fastest model would be the one whose code was compiled before.
        env: { ...process.env, NODE_COMPILE_CACHE: getCompileCacheDir() }
      })
    ),
    (child) =>
      Effect.sync(() => child.connected && child.disconnect()).pipe(
        Effect.andThen(whenExited(child)),
        Effect.timeoutOrElse({
          duration: "5 seconds",
          orElse: () =>
            Effect.andThen(
              Effect.sync(() => child.kill("SIGKILL")),
              whenExited(child)
            )
        })
      )
  )
  const port = yield* Effect.callback<number, LoadError>((resume) => {
    child.once("message", (port: number) => resume(Effect.succeed(port)))
    const fail = (reason: string) =>
      resume(Effect.fail(new LoadError({ message: `cannot start a server for the model "${kind}": ${reason}` })))
    child.once("error", ({ message }) => fail(message))
    child.once("exit", (code) => fail(`it ended with code ${code} before it listened`))
  })
  return { pid: child.pid!, port }
})

const childrenOf = (pid: number): ReadonlyArray<number> =>
  Fs.readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    Fs.readFileSync(`/proc/${pid}/task/${thread}/children`, "latin1").split(" ").filter(Boolean).map(Number)
  )

/** Reads the memory of a process and its descendants from /proc. A process that ends meanwhile counts as zero. */
const memoryOf = (pid: number): { readonly bytes: number; readonly processes: number } => {
  try {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(Fs.readFileSync(`/proc/${pid}/status`, "latin1")) ?? []
    if (kilobytes === undefined) return { bytes: 0, processes: 0 }
    return childrenOf(pid)
      .map(memoryOf)
      .reduce((sum, one) => ({ bytes: sum.bytes + one.bytes, processes: sum.processes + one.processes }), {
        bytes: Number(kilobytes) * 1_024,
        processes: 1
      })
  } catch {
    return { bytes: 0, processes: 0 }
  }
}

/** Returns the resident bytes and the number of a process and its descendants; zero without /proc. */
export const memory = (pid: number) => Effect.sync(() => memoryOf(pid))
