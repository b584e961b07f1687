/** The common parts of the counting commands: the range, the pool of workers, and the errors. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Farm from "../../../farm/Farm.ts"
import type { FarmError } from "../../../farm/FarmError.ts"
import * as NodeThreadWorkers from "../../../farm/threads/NodeThreadWorkers.ts"
import * as Worker from "../../../farm/Worker.ts"
import type * as Kernels from "../../../primes/Kernels.ts"
import * as PrimeJob from "../../../primes/PrimeJob.ts"
import * as Range from "../../../primes/Range.ts"
import { CannotCount, NoHostLeft, UsageError } from "../../common/CliErrors.ts"
import * as flags from "../../common/flags.ts"
import * as NodeCompileCache from "../common/NodeCompileCache.ts"
import * as NodeProcessors from "../common/NodeProcessors.ts"

/** The workers that the user has chosen. */
export interface WorkerSelection {
  readonly workers?: number | undefined
  readonly hosts?: string | undefined
  readonly dialect?: "course" | undefined
  readonly key?: string | undefined
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

const isNoWorkers = ({ reason }: FarmError) => reason._tag === "NoWorkers"

/** Computes the most packets that the range can have: more threads than that would be idle. */
export const maxPackets = (range: Range.Range, kernel: Kernels.Name, size: number | undefined) => {
  const { initialSize = 1, total = Number.POSITIVE_INFINITY } = PrimeJob.split({ ...range, kernel })
  return Math.max(1, Math.ceil(total / (size ?? initialSize)))
}

/** The parameters of a pool besides the choice of workers. */
interface PoolOptions {
  readonly maxPackets: number
  /** Runs before a log line about a host. */
  readonly beforeLog: Effect.Effect<void> | undefined
}

/** Makes a pool of threads, hosts, or both. A host that cannot be used is logged, and the pool does without it. */
export const open = Effect.fnUntraced(function* (
  { dialect, hosts, key, workers }: WorkerSelection,
  { beforeLog = Effect.void, maxPackets }: PoolOptions
) {
  if (dialect !== undefined && hosts === undefined) {
    return yield* new UsageError({ message: "--dialect needs --hosts: name the servers" })
  }
  const localThreads = threads(Math.min(workers ?? NodeProcessors.count(), maxPackets))
  if (hosts === undefined) {
    yield* warnUnusedFlags
    return localThreads
  }
  const Hosts = yield* Effect.promise(() => import("./hosts.ts"))
  const remote = yield* Hosts.open({
    hosts,
    dialect,
    key: key === undefined ? undefined : Redacted.make(key),
    beforeLog
  })
  if (workers === undefined) return remote
  return Worker.concat(
    localThreads,
    Effect.catchIf(remote, isNoWorkers, () => Effect.succeed(Worker.pool([])))
  )
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
