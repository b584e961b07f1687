/** The programs of `farm watch` and `farm cancel`. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as ClusterFarm from "../../../cluster/ClusterFarm.ts"
import type { RunStatus } from "../../../cluster/FarmPool.ts"
import * as Amount from "../../../terminal/Amount.ts"
import { CannotCluster } from "../../common/CliErrors.ts"
import * as progress from "../primes/progress.ts"
import * as database from "./database.ts"

interface Input extends database.Cluster {
  readonly key: string
  readonly pool: string | undefined
  readonly json: boolean
}

/** Returns the lines that are news: the state, its error, and the workers that cannot take part. */
const linesOf = ({ done, error, refusals, state, total, workers }: RunStatus): ReadonlyArray<string> => {
  const units = total === undefined ? Amount.format(done) : `${Amount.format(done)} of ${Amount.format(total)}`
  const ready = workers.filter((worker) => worker.state === "ready").length
  const counts = state === "running" ? `, ${units}, ${ready} threads` : ""
  return [`${state}${counts}${error === undefined ? "" : `: ${error}`}`, ...refusals]
}

/** Follows a run, and returns its last state. */
const follow = Effect.fnUntraced(function* ({ json, key, pool }: Input) {
  const display = json ? undefined : yield* progress.openOnTerminal(key)
  let shown: string | undefined
  const show = (status: RunStatus) => {
    if (json) return Console.log(JSON.stringify(status))
    if (display !== undefined && status.state === "running") {
      return display.draw({ ...status, total: status.total, etaMillis: status.etaMillis })
    }
    const text = linesOf(status).join("\n")
    const isNews = status.state !== shown
    shown = status.state
    return isNews ? Effect.andThen(display?.clear ?? Effect.void, Console.log(text)) : Effect.void
  }
  const states = ClusterFarm.watch(key, { pool }).pipe(Stream.tap(show))
  return yield* Stream.runLast(states)
})

export const watch = Effect.fnUntraced(function* (input: Input) {
  const { key, pool = "default" } = input
  const context = yield* database.client(input)
  const last = yield* database.explained(Effect.provideContext(follow(input), context))
  if (last._tag === "None" || last.value.state === "done") return
  return yield* new CannotCluster({ message: `run ${key} of pool ${pool}: ${linesOf(last.value)[0]}` })
}, Effect.scoped)

export const cancel = Effect.fnUntraced(function* (input: Input) {
  const { json, key, pool = "default" } = input
  const context = yield* database.client(input)
  const isCancelled = yield* database.explained(
    Effect.provideContext(ClusterFarm.cancel(key, { pool: input.pool }), context)
  )
  if (!isCancelled) {
    return yield* new CannotCluster({ message: `pool ${pool} has no run ${key} that can be cancelled; see farm list` })
  }
  yield* Console.log(json ? JSON.stringify({ pool, key, state: "cancelled" }) : "cancelled")
}, Effect.scoped)
