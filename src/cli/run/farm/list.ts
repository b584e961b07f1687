/** The program of `farm list`. */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ClusterFarm from "../../../cluster/ClusterFarm.ts"
import { formatJob } from "../../../cluster/FarmPool.ts"
import type { RunRecord } from "../../../cluster/RunStore.ts"
import * as SqlCheckpoint from "../../../cluster/SqlCheckpoint.ts"
import * as TerminalText from "../../../network/TerminalText.ts"
import { columns as terminalColumns } from "../../../terminal/NodeTerminal.ts"
import * as Table from "../../../terminal/Table.ts"
import { formatAge } from "../status/text.ts"
import * as database from "./database.ts"

interface Input {
  readonly database: string
  readonly pool: string | undefined
  readonly json: boolean
}

const percent = ({ done, total }: RunRecord) =>
  total === undefined || total === 0 ? "" : `${Math.floor((100 * done) / total)}%`

const columnsAt = (nowMillis: number): ReadonlyArray<Table.Column<RunRecord>> => [
  { title: "key", rank: 0, format: ({ key }) => TerminalText.escape(key) },
  { title: "state", rank: 0, format: ({ state }) => state },
  { title: "done", rank: 1, alignRight: true, format: percent },
  { title: "pool", rank: 3, format: ({ pool }) => TerminalText.escape(pool) },
  { title: "job", rank: 2, format: ({ job }) => TerminalText.escape(formatJob(job)) },
  { title: "hosts", rank: 5, alignRight: true, format: ({ epoch }) => `${epoch}` },
  { title: "changed", rank: 4, alignRight: true, format: ({ updatedMillis }) => formatAge(nowMillis - updatedMillis) }
]

const toJson = ({ attempt, createdMillis, done, epoch, job, key, pool, state, ...rest }: RunRecord) =>
  JSON.stringify({
    ...{ pool, key, job: formatJob(job), state, done, total: rest.total, skipped: rest.skipped, attempt, hosts: epoch },
    ...{ created: createdMillis / 1_000, changed: rest.updatedMillis / 1_000 }
  })

export const list = Effect.fnUntraced(function* ({ database: url, json, pool }: Input) {
  const connected = yield* database.open(url, database.clientPatience)
  const runs = yield* ClusterFarm.list(pool).pipe(
    database.explained,
    Effect.provide(SqlCheckpoint.layer.pipe(Layer.provide(connected)))
  )
  if (json) return yield* Effect.forEach(runs, (run) => Console.log(toJson(run)), { discard: true })
  const table = Table.fit(columnsAt(yield* Clock.currentTimeMillis), runs, terminalColumns())
  yield* Console.log(Table.toText(table))
})
