/** The programs of `farm watch` and `farm cancel`. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as ClusterFarm from "../../../cluster/ClusterFarm.ts"
import { defaultPool, type RunStatus } from "../../../cluster/FarmPool.ts"
import * as Signal from "../../../network/Signal.ts"
import * as TerminalText from "../../../network/TerminalText.ts"
import { columns, openLine } from "../../../terminal/NodeTerminal.ts"
import { CannotCluster } from "../../common/CliErrors.ts"
import * as database from "./database.ts"
import * as noAnswer from "./noAnswer.ts"
import * as watchText from "./watchText.ts"

interface Input extends database.Cluster {
  readonly key: string
  readonly pool: string | undefined
  readonly json: boolean
}

/** Follows a run, and returns its last state. */
export const follow = Effect.fnUntraced(function* ({ json, key, pool = defaultPool }: Omit<Input, "database">) {
  const line = json ? undefined : yield* openLine
  const shown = yield* Ref.make<RunStatus | undefined>(undefined)
  /** The workers of the last host: a run that has ended has none. */
  const running = yield* Ref.make<RunStatus | undefined>(undefined)
  const print = (lines: ReadonlyArray<string>) =>
    lines.length === 0
      ? Effect.void
      : Effect.andThen(line?.clear ?? Effect.void, Console.log(lines.map(TerminalText.escape).join("\n")))
  const show = Effect.fnUntraced(function* (status: RunStatus) {
    if (json) return yield* Console.log(JSON.stringify(status))
    yield* print(watchText.news(yield* Ref.getAndSet(shown, status), status))
    if (status.state !== "running") return
    yield* Ref.set(running, status)
    if (line !== undefined) yield* line.draw(watchText.bar(status, columns() - 1))
  })
  const answered = Signal.make()
  const states = ClusterFarm.watch(key, { pool }).pipe(
    Stream.tap((status) => Effect.andThen(show(status), Effect.sync(answered.notify)))
  )
  const noticing = Effect.forever(noAnswer.logged(pool, answered.wait, line?.clear))
  const last = yield* Effect.raceFirst(Stream.runLast(states), noticing)
  const parts = yield* Ref.get(running)
  if (!json && parts !== undefined) yield* print(watchText.table(parts, columns()))
  return last
})

export const watch = Effect.fnUntraced(function* (input: Input) {
  const { key, pool = defaultPool } = input
  const context = yield* database.client(input)
  const last = yield* database.explained(Effect.provideContext(follow(input), context))
  if (last._tag === "None" || last.value.state === "done") return
  return yield* new CannotCluster({ message: `run ${key} of pool ${pool}: ${watchText.stateLine(last.value)}` })
}, Effect.scoped)

export const cancel = Effect.fnUntraced(function* (input: Input) {
  const { json, key, pool = defaultPool } = input
  const context = yield* database.client(input)
  const isCancelled = yield* database.explained(
    Effect.provideContext(noAnswer.logged(pool, ClusterFarm.cancel(key, { pool })), context)
  )
  if (!isCancelled) {
    return yield* new CannotCluster({ message: `pool ${pool} has no run ${key} that can be cancelled; see farm list` })
  }
  yield* Console.log(json ? JSON.stringify({ pool, key, state: "cancelled" }) : "cancelled")
}, Effect.scoped)
