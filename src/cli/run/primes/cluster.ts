/** The count of primes on a pool of a cluster: `primes count --database`. Loaded only then. */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as ClusterFarm from "../../../cluster/ClusterFarm.ts"
import { defaultPool } from "../../../cluster/FarmPool.ts"
import * as PrimeJob from "../../../primes/PrimeJob.ts"
import * as Range from "../../../primes/Range.ts"
import { UsageError } from "../../common/CliErrors.ts"
import * as database from "../farm/database.ts"
import * as noAnswer from "../farm/noAnswer.ts"
import { openOnTerminal } from "./progress.ts"

/** The parameters of a count. */
export interface Input {
  readonly database: string
  readonly pool: string | undefined
  readonly key: string | undefined
  readonly lockExpiration: Duration.Duration | undefined
  readonly range: Range.Range
  readonly kernel: PrimeJob.Packet["kernel"]
  readonly packetSize: number | undefined
  readonly json: boolean
}

/** Draws the progress of a run until the scope closes. */
const follow = Effect.fnUntraced(function* (key: string, title: string, pool: string | undefined) {
  const display = yield* openOnTerminal(title)
  if (display === undefined) return
  const states = ClusterFarm.watch(key, { pool })
  const drawing = Stream.runForEach(states, (status) =>
    display.draw({ ...status, hosts: undefined, total: status.total, etaMillis: status.etaMillis })
  )
  yield* Effect.forkScoped(Effect.ignore(drawing))
})

export const count = Effect.fnUntraced(function* (input: Input) {
  const { json, kernel, key, packetSize, pool = defaultPool, range } = input
  if (key === undefined) {
    return yield* new UsageError({ message: "--database needs --key: name the run, such as --key primes-1" })
  }
  const context = yield* database.client(input)
  const clock = yield* Clock.Clock
  const start = clock.monotonicTimeNanosUnsafe()
  const counting = Effect.gen(function* () {
    yield* noAnswer.logged(pool, ClusterFarm.status(key, { pool }))
    if (!json) yield* follow(key, Range.format(range), pool)
    return yield* ClusterFarm.run(PrimeJob.job, { ...range, kernel }, { key, pool, packetSize })
  })
  const found = yield* database.explained(Effect.scoped(Effect.provideContext(counting, context)))
  const seconds = Number((Number(clock.monotonicTimeNanosUnsafe() - start) / 1e9).toFixed(3))
  yield* Console.log(json ? JSON.stringify({ ...range, count: found, kernel, seconds, key }) : `${found}`)
}, Effect.scoped)
