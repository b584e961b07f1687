/** The program of `primes count`. */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import * as Struct from "effect/Struct"
import type * as Farm from "../../../farm/Farm.ts"
import type { Checkpoint } from "../../../farm/FarmCheckpoint.ts"
import * as NodeCheckpoint from "../../../farm/NodeCheckpoint.ts"
import type { Progress } from "../../../farm/Progress.ts"
import * as Quantity from "../../../network/Quantity.ts"
import * as Kernels from "../../../primes/Kernels.ts"
import * as Range from "../../../primes/Range.ts"
import { UsageError } from "../../common/CliErrors.ts"
import type { Page } from "../../common/pageFlags.ts"
import { CommandInput, withoutSettings } from "../../common/settings/CommandInput.ts"
import type * as cluster from "./cluster.ts"
import * as pool from "./pool.ts"
import { openOnTerminal, summary } from "./progress.ts"

interface Input extends pool.WorkerSelection {
  readonly range: string
  readonly kernel: Kernels.Name | undefined
  readonly packets: number | undefined
  readonly checkpoint: string | undefined
  readonly database: string | undefined
  readonly pool: string | undefined
  readonly lockExpiration: Duration.Duration | undefined
  /** Address of the page of the count. Default: none. */
  readonly page?: Page | undefined
  readonly json: boolean
}

const rounded = (value: number, digits: number) => Number(value.toFixed(digits))

/** Formats the result as one line of JSON: times in seconds, rates in numbers per second. */
const toJson = (
  { from, to }: Range.Range,
  kernel: Kernels.Name,
  count: number,
  seconds: number,
  { efficiency, hosts, packets, workers }: Progress
) =>
  JSON.stringify({
    ...{ from, to, count, kernel, seconds: rounded(seconds, 3) },
    rate: seconds > 0 ? Math.round((to - from) / seconds) : null,
    packets,
    efficiency: rounded(efficiency, 4),
    workers: workers.map(({ busyMillis: busy, name, packets, share, state }) => ({
      ...{ name, state, packets, share: rounded(share, 4), busy: rounded(busy / 1_000, 3) }
    })),
    // The threads of this process have no host.
    hosts: hosts.map(({ busyMillis: busy, host = null, packets, ready, share, workers }) => ({
      ...{ host, ready, workers, packets, share: rounded(share, 4), busy: rounded(busy / 1_000, 3) }
    }))
  })

/** Logs rejected hosts, results that differ, and workers that fall silent or do not fit; hosts log their changes. */
const logNotice = (notice: Farm.Event): Effect.Effect<void> => {
  switch (notice._tag) {
    case "HostRejected": {
      const redone = Quantity.format(notice.redone, "packet")
      const why = `its result of packet ${notice.id} is not that of two other hosts`
      return Effect.logWarning(`${notice.host}: rejected: ${why}; ${redone} of it are done again`)
    }
    case "ResultsDiffer": {
      const { hosts, id, waitMillis } = notice
      const next =
        waitMillis === undefined ? "another host decides" : `waiting ${waitMillis / 1_000} s for another host to decide`
      return Effect.logWarning(`the results of packet ${id} from ${hosts.join(" and ")} differ: ${next}`)
    }
    case "LeaseExpired": {
      const packets = Quantity.format(notice.packets, "packet")
      return Effect.logWarning(`${notice.worker}: no sign of life; ${packets} go to others`)
    }
    case "WorkerRejected":
      return Effect.logWarning(`${notice.worker}: not used: ${notice.message}`)
    default:
      return Effect.void
  }
}

/** Logs where the state of a run is, if its scope closes before its end. `isRunning` is false until it has started. */
const logSavedState = (checkpoint: Checkpoint, isRunning: () => boolean) =>
  Effect.addFinalizer((exit) =>
    Exit.isFailure(exit) && isRunning()
      ? Effect.matchEffect(checkpoint.read, {
          onFailure: () => Effect.void,
          onSuccess: (text) =>
            text === undefined
              ? Effect.void
              : Effect.logInfo(`the unfinished run is saved in ${checkpoint.path}; the same command continues it`)
        })
      : Effect.void
  )

const packetSizeOf = ({ from, to }: Range.Range, packets: number | undefined) =>
  packets && Math.max(1, Math.ceil((to - from) / packets))

/** Returns the lease of packets, which is longer than that of hosts; undefined for the default. */
const packetLeaseOf = ({ lease }: Input) =>
  lease === undefined ? undefined : Duration.max(Duration.seconds(30), Duration.times(lease, 3))

/** Opens the page of a count; its modules are loaded only then. Returns the effect that shows the run on it. */
const openPage = Effect.fnUntraced(function* (
  address: Page | undefined,
  title: string,
  beforeLog: Effect.Effect<void>
) {
  if (address === undefined || address === "off") return () => Effect.void
  const { open } = yield* Effect.promise(() => import("./page.ts"))
  const opening = open(address, `primes in ${title}`)
  // A page of the environment or of a file is that of the server, too, which may have it.
  const page = (yield* CommandInput).found.has("page")
    ? yield* Effect.catchTag(opening, "CannotServe", ({ message }) =>
        Effect.as(Effect.andThen(beforeLog, Effect.logWarning(`${message}; the count goes on without it`)), undefined)
      )
    : yield* opening
  if (page === undefined) return () => Effect.void
  yield* Effect.andThen(beforeLog, Effect.logInfo(`page on ${page.link}`))
  return page.show
})

/** The flags of a count on this machine, which a cluster does not have. */
const localFlags = {
  ...{ workers: "--workers", hosts: "--hosts", checkpoint: "--checkpoint" },
  ...pool.hostFlags
} as const

/** Counts on the pool of a cluster. */
const countOnCluster = Effect.fnUntraced(function* (
  input: Input,
  { database, ...run }: { readonly database: string } & Pick<cluster.Input, "kernel" | "packetSize" | "range">
) {
  const unusable = Struct.keys(localFlags).find((name) => input[name] !== undefined)
  if (unusable !== undefined) {
    return yield* new UsageError({
      message: `${localFlags[unusable]} does not work with --database: the cluster has its workers`
    })
  }
  if (input.page !== undefined && input.page !== "off") {
    return yield* new UsageError({
      message: "--page does not work with --database: the host of the pool has a page, with farm serve --page"
    })
  }
  const { count } = yield* Effect.promise(() => import("./cluster.ts"))
  const { json, key, lockExpiration, pool } = input
  yield* count({ ...run, database, pool, key, lockExpiration, json })
})

export const count = Effect.fnUntraced(function* (given: Input) {
  const fitting = yield* pool.withoutHostSettings(given)
  const input = yield* withoutSettings(fitting, given.database === undefined ? [] : ["page"])
  const range = yield* pool.parse(input.range)
  const kernel = input.kernel ?? Kernels.fastest
  if (input.database !== undefined) {
    const packetSize = packetSizeOf(range, input.packets)
    return yield* countOnCluster(input, { database: input.database, range, kernel, packetSize })
  }
  const title = Range.format(range)
  const display = input.json ? undefined : yield* openOnTerminal(title)
  const beforeLog = display?.clear ?? Effect.void
  const show = yield* openPage(input.page, title, beforeLog)
  const packetSize = packetSizeOf(range, input.packets)
  const workers = yield* pool.open(input, {
    maxPackets: pool.maxPackets(range, kernel, packetSize),
    beforeLog: display?.clear
  })
  const checkpoint = input.checkpoint === undefined ? undefined : NodeCheckpoint.file(input.checkpoint)
  let isRunning = false
  // The state is saved when the run stops, which is before this.
  if (checkpoint !== undefined) yield* logSavedState(checkpoint, () => isRunning)
  const clock = yield* Clock.Clock
  const start = clock.monotonicTimeNanosUnsafe()
  const running = yield* pool.start(range, kernel, input, {
    workers,
    packetSize,
    checkpoint,
    verify: input.verify,
    lease: packetLeaseOf(input)
  })
  isRunning = true
  yield* Effect.forkScoped(Stream.runForEach(running.events, (notice) => Effect.andThen(beforeLog, logNotice(notice))))
  yield* show(running)
  yield* display?.follow(running) ?? Effect.void
  const found = yield* running.output
  const seconds = Number(clock.monotonicTimeNanosUnsafe() - start) / 1e9
  const stats = yield* running.stats
  yield* display?.print(summary(title, stats, seconds)) ?? Effect.void
  yield* Console.log(input.json ? toJson(range, kernel, found, seconds, stats) : `${found}`)
}, Effect.scoped)
