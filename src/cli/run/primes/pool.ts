/** The common parts of the counting commands: the range, the pool of workers, and the errors. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Struct from "effect/Struct"
import * as Farm from "../../../farm/Farm.ts"
import type { FarmError } from "../../../farm/FarmError.ts"
import * as NodeThreadWorkers from "../../../farm/threads/NodeThreadWorkers.ts"
import * as Worker from "../../../farm/Worker.ts"
import type * as Kernels from "../../../primes/Kernels.ts"
import * as PrimeJob from "../../../primes/PrimeJob.ts"
import * as Range from "../../../primes/Range.ts"
import { CannotCount, NoHostLeft, UsageError } from "../../common/CliErrors.ts"
import * as flags from "../../common/flags.ts"
import { withoutSettings } from "../../common/settings/CommandInput.ts"
import * as NodeCompileCache from "../common/NodeCompileCache.ts"
import * as NodeProcessors from "../common/NodeProcessors.ts"
import type { ConnectionFlags } from "./hosts.ts"

/** The workers that the user has chosen. */
export interface WorkerSelection extends ConnectionFlags {
  readonly workers?: number | undefined
  readonly hosts?: string | undefined
  readonly dialect?: "course" | undefined
  readonly key?: string | undefined
  readonly verify?: number | undefined
}

/** Parses a range; fails with a usage error. */
export const parse = (text: string) =>
  Effect.mapError(Effect.fromResult(Range.parse(text)), ({ message }) => new UsageError({ message }))

/** Makes a pool of threads of this process, by default one for each processor. */
export const threads = (count: number | undefined): Worker.Workers =>
  Effect.suspend(() => {
    NodeCompileCache.shareWithThreads()
    return NodeThreadWorkers.make({ module: PrimeJob.module, threads: count })
  })

const warnUnusedFlags = Effect.gen(function* () {
  if (((yield* flags.Faults) ?? []).length === 0 && (yield* flags.Capture) === undefined) return
  yield* Effect.logWarning("--faults and --capture need --hosts: threads do not use the network")
})

/** Computes the most packets that the range can have: more threads than that would be idle. */
export const maxPackets = (range: Range.Range, kernel: Kernels.Name, size: number | undefined) => {
  const { initialSize = 1, total = Number.POSITIVE_INFINITY } = PrimeJob.split({ ...range, kernel })
  return Math.max(1, Math.ceil(total / (size ?? initialSize)))
}

/** The parameters of a pool besides the choice of workers. */
interface PoolOptions {
  readonly maxPackets: number
  /** Runs before a log line. */
  readonly beforeLog: Effect.Effect<void> | undefined
}

/** The flags that need `--hosts`. */
export const hostFlags = {
  dialect: "--dialect",
  connectTimeout: "--connect-timeout",
  lease: "--lease",
  reconnect: "--reconnect",
  verify: "--verify"
} as const

/** Returns the selection without those options of the environment or a file that need `--hosts`, unless it is given. */
export const withoutHostSettings = <A extends WorkerSelection>(selection: A) =>
  withoutSettings(selection, selection.hosts === undefined ? Struct.keys(hostFlags) : [])

/**
 * Makes a pool of threads, hosts, or both. With threads the run does not wait for a host. With `--verify` one thread of
 * this process is in the pool, at least: it decides between two hosts.
 */
export const open = Effect.fnUntraced(function* (
  selection: WorkerSelection,
  { beforeLog = Effect.void, maxPackets }: PoolOptions
) {
  const { dialect, hosts, key, verify = 0, workers } = selection
  const threadsFor = (count: number) => threads(Math.min(count, maxPackets))
  if (hosts === undefined) {
    const unusable = Struct.keys(hostFlags).find((name) => selection[name] !== undefined)
    if (unusable !== undefined) {
      return yield* new UsageError({ message: `${hostFlags[unusable]} needs --hosts: name the servers` })
    }
    yield* warnUnusedFlags
    return threadsFor(workers ?? NodeProcessors.count())
  }
  const Hosts = yield* Effect.promise(() => import("./hosts.ts"))
  const remote = yield* Hosts.open({
    ...selection,
    ...{ hosts, dialect, beforeLog, mayBeEmpty: workers !== undefined },
    key: key === undefined ? undefined : Redacted.make(key)
  })
  const localCount = workers ?? (verify > 0 ? 1 : 0)
  return localCount === 0 ? remote : Worker.concat(threadsFor(localCount), remote)
})

const explain =
  (isRemote: boolean) =>
  (error: FarmError): CannotCount | NoHostLeft | UsageError => {
    const { message, reason } = error
    if (reason._tag === "NoWorkers" && isRemote) return new NoHostLeft({ message })
    return reason._tag === "InvalidOptions" ? new UsageError({ message }) : new CannotCount({ message })
  }

/** Starts the count of the primes of a range on the given workers. */
export const start = (
  range: Range.Range,
  kernel: Kernels.Name,
  selection: WorkerSelection,
  options: Farm.RunOptions
) => {
  const explained = Effect.mapError(explain(selection.hosts !== undefined))
  return Farm.start(PrimeJob.job, { ...range, kernel }, options).pipe(
    Effect.map((running) => ({ ...running, output: explained(running.output) })),
    explained
  )
}
