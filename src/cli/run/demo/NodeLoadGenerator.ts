/** A server in a separate process, and its memory. */
import * as Fs from "node:fs"
import { getCompileCacheDir } from "node:module"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as NodeModuleUrl from "../../../process/NodeModuleUrl.ts"
import * as NodeSupervisor from "../../../process/NodeSupervisor.ts"
import * as NodeWorkerHandle from "../../../process/NodeWorkerHandle.ts"
import * as Supervision from "../../../process/Supervision.ts"

/** Variants of the models, as arguments of the server process. */
export const modelVariants = [
  "iterative",
  "fibers",
  "select",
  "processes",
  "pool of 2",
  "threads",
  "2 threads"
] as const

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

const serverProgram = NodeModuleUrl.sibling(import.meta.url, "NodeLoadServerProcess")

/** Starts a server. Returns its process id and port; closing the scope ends it, by SIGKILL after 5 seconds. */
export const startServer = Effect.fnUntraced(function* (kind: ModelVariant, clients: number) {
  let port = 0
  const server = yield* NodeSupervisor.make<NodeWorkerHandle.ProcessHandle<"drain">, number>({
    policy: Supervision.defaultPolicy,
    spawn: (_, listeners) =>
      NodeWorkerHandle.childProcess(
        serverProgram,
        {
          args: [kind, `${clients}`],
          execArgv: [],
          // Without a common cache the fastest model would be the one whose code was compiled before.
          environment: { ...process.env, NODE_COMPILE_CACHE: getCompileCacheDir() },
          stdout: "ignore"
        },
        listeners
      ),
    onMessage: (id, message) => {
      port = message
      server.ready(id)
    },
    requestDrain: ({ post }) => post("drain")
  })
  yield* Effect.addFinalizer(() => server.drain(5_000))
  yield* Effect.mapError(
    server.start(1),
    ({ message }) => new LoadError({ message: `cannot start a server for the model "${kind}": ${message}` })
  )
  const [worker] = server.available()
  return { pid: worker![1].pid!, port }
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
