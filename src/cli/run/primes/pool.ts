/** What the commands that count have in common: the range, who counts, and how it ends when nobody can. */
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

/** Who counts. */
export interface WorkerSelection {
  readonly workers?: number | undefined
  readonly hosts?: string | undefined
  readonly dialect?: "course" | undefined
  readonly key?: string | undefined
}

/** A range as the user wrote it; what is wrong with it is wrong usage. */
export const parse = (text: string) =>
  Effect.mapError(Effect.fromResult(Range.parse(text)), ({ message }) => new UsageError({ message }))

/** Threads of this process; one a processor unless told. */
export const threads = (count: number | undefined): Worker.Workers =>
  Effect.suspend(() => {
    NodeCompileCache.shareWithThreads()
    return NodeThreadWorkers.make({ module: PrimeJob.module, threads: count })
  })

const warnUnusedFlags = Effect.gen(function* () {
  if (((yield* flags.Faults) ?? []).length === 0 && (yield* flags.Capture) === undefined) return
  yield* Effect.logWarning("--faults and --capture are for --hosts: threads use no network")
})

const isNoWorkers = ({ reason }: FarmError) => reason._tag === "NoWorkers"

/** How many packets there will be at most: more threads than that would start for nothing. */
export const maxPackets = (range: Range.Range, kernel: Kernels.Name, size: number | undefined) => {
  const { initialSize = 1, total = Number.POSITIVE_INFINITY } = PrimeJob.job.split({ ...range, kernel })
  return Math.max(1, Math.ceil(total / (size ?? initialSize)))
}

/** What a pool is to know beside who counts. */
interface PoolOptions {
  readonly maxPackets: number
  /** Runs before a line about a host. */
  readonly beforeLog: Effect.Effect<void> | undefined
}

/** Threads, hosts, or both; a host that cannot be used is told, and left out. */
export const open = Effect.fnUntraced(function* (
  { dialect, hosts, key, workers }: WorkerSelection,
  { beforeLog = Effect.void, maxPackets }: PoolOptions
) {
  if (dialect !== undefined && hosts === undefined) {
    return yield* new UsageError({ message: "--dialect is for --hosts: say which" })
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
  return Worker.all(
    localThreads,
    Effect.catchIf(remote, isNoWorkers, () => Effect.succeed([]))
  )
})

const explain =
  (isRemote: boolean) =>
  (error: FarmError): CannotCount | NoHostLeft | UsageError => {
    const { message, reason } = error
    if (reason._tag === "NoWorkers" && isRemote) return new NoHostLeft({ message })
    return reason._tag === "InvalidOptions" ? new UsageError({ message }) : new CannotCount({ message })
  }

/** Counts, on workers that `open` gave. */
export const count = (range: Range.Range, kernel: Kernels.Name, selection: WorkerSelection, options: Farm.RunOptions) =>
  Effect.mapError(Farm.run(PrimeJob.job, { ...range, kernel }, options), explain(selection.hosts !== undefined))
