/** A server in a process of its own, and the memory that it takes. */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import { getCompileCacheDir } from "node:module"
import { fileURLToPath } from "node:url"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as NodeModuleUrl from "../../../process/NodeModuleUrl.ts"

/** How a server serves, as it is told on its command line. */
export const modelVariants = ["iterative", "fibers", "select", "processes", "pool of 2", "2 threads"] as const

export type ModelVariant = (typeof modelVariants)[number]

/** What the thread that makes the load is told. */
export interface LoadJob {
  readonly port: number
  readonly clients: number
  readonly turns: number
}

/** What it has measured: milliseconds from the first connection to the last answer, and of each turn. */
interface Measured {
  readonly millis: number
  readonly turns: Float64Array
}

/** What it says at the end: why it could not play on, if it could not. */
export type LoadResult = Measured | string

/** A server did not start, or ended too early. */
export class LoadError extends Data.TaggedError("LoadError")<{ readonly message: string }> {}

const serverProgram = fileURLToPath(NodeModuleUrl.sibling(import.meta.url, "NodeLoadServerProcess"))

const whenExited = (child: ChildProcess.ChildProcess) =>
  Effect.callback<void>((resume) => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
  })

/** Starts a server, and gives its process and port; it ends with the scope, in good order if it can. */
export const startServer = Effect.fnUntraced(function* (kind: ModelVariant, clients: number) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      ChildProcess.fork(serverProgram, [kind, `${clients}`], {
        stdio: ["ignore", "ignore", "inherit", "ipc"],
        execArgv: [],
        // Else the quickest model would be the one whose code was compiled before.
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
    const fail = (why: string) =>
      resume(Effect.fail(new LoadError({ message: `a server for the model "${kind}" ${why}` })))
    child.once("error", ({ message }) => fail(`could not be started: ${message}`))
    child.once("exit", (code) => fail(`ended with ${code} before it listened`))
  })
  return { pid: child.pid!, port }
})

const childrenOf = (pid: number): ReadonlyArray<number> =>
  Fs.readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    Fs.readFileSync(`/proc/${pid}/task/${thread}/children`, "latin1").split(" ").filter(Boolean).map(Number)
  )

/** What a process and all below it have, where the kernel tells; one that ends meanwhile is left out. */
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

/** Resident bytes and number of a process and all below it; nothing where there is no /proc. */
export const memory = (pid: number) => Effect.sync(() => memoryOf(pid))
