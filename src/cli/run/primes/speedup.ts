/** The program of `primes speedup`: measures the same count on one thread, on two, on three... */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Quantity from "../../../network/Quantity.ts"
import * as SystemErrorText from "../../../network/SystemErrorText.ts"
import * as Kernels from "../../../primes/Kernels.ts"
import * as Range from "../../../primes/Range.ts"
import * as Table from "../../../terminal/Table.ts"
import { CannotDraw } from "../../common/CliErrors.ts"
import * as NodeProcessors from "../common/NodeProcessors.ts"
import * as pool from "./pool.ts"
import { openOnTerminal } from "./progress.ts"
import * as speedupPlot from "./speedupPlot.ts"

interface Input {
  readonly range: string | undefined
  readonly workers: number | undefined
  readonly kernel: Kernels.Name | undefined
  readonly svg: string | undefined
  readonly json: boolean
}

/** One run; `busy` is the fraction of the workers' time that was spent in the kernel. */
interface Row extends speedupPlot.Point {
  readonly seconds: number
  readonly efficiency: number
  readonly busy: number
}

/** Ranges that take one thread some seconds. */
const defaultRanges: Readonly<Record<Kernels.Name, string>> = { wasm: "0..1e11", segmented: "0..4e9", trial: "0..1e7" }

const formatCells = (...cells: ReadonlyArray<string>) =>
  Table.formatRow(
    cells.map(() => Table.right(11)),
    cells
  )

const percent = (part: number) => `${(100 * part).toFixed(1)}%`

const formatRow = ({ busy, efficiency, seconds, speedup, workers }: Row) =>
  formatCells(`${workers}`, seconds.toFixed(2), speedup.toFixed(2), percent(efficiency), percent(busy))

const measure = Effect.fnUntraced(function* (range: Range.Range, kernel: Kernels.Name, workers: number) {
  // Table and bar share the terminal: the scope removes the bar before the row is printed.
  const display = yield* openOnTerminal(Quantity.format(workers, "worker"))
  const clock = yield* Clock.Clock
  const start = clock.monotonicTimeNanosUnsafe()
  const running = yield* pool.start(range, kernel, {}, { workers: pool.threads(workers) })
  yield* display?.follow(running) ?? Effect.void
  const count = yield* running.output
  const seconds = Number(clock.monotonicTimeNanosUnsafe() - start) / 1e9
  return { count, seconds, busy: (yield* running.stats).efficiency }
}, Effect.scoped)

const rounded = (value: number) => Number(value.toFixed(4))

const toJson = ({ from, to }: Range.Range, kernel: Kernels.Name, count: number, rows: ReadonlyArray<Row>) =>
  JSON.stringify({
    ...{ from, to, kernel, count },
    runs: rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, rounded(value)])))
  })

export const speedup = Effect.fnUntraced(function* (input: Input) {
  const kernel = input.kernel ?? Kernels.fastest
  const range = yield* pool.parse(input.range ?? defaultRanges[kernel])
  const maxWorkers = input.workers ?? NodeProcessors.count()
  const print = (text: string) => (input.json ? Effect.void : Console.log(text))
  const title = `Primes in ${Range.format(range)}, kernel ${kernel}, on ${NodeProcessors.name()}`
  const fs = yield* FileSystem.FileSystem
  const rows: Array<Row> = []
  // Written before the first run as well: a path that is not writable fails now, and an interrupted run leaves a plot.
  const draw = Effect.suspend(() =>
    input.svg === undefined
      ? Effect.void
      : Effect.mapError(
          fs.writeFileString(input.svg, speedupPlot.svg(title, rows)),
          ({ reason }) =>
            new CannotDraw({
              message: `--svg ${JSON.stringify(input.svg)}: ${SystemErrorText.format(reason.cause ?? reason)}`
            })
        )
  )
  yield* draw
  yield* print(`${title}\n\n${formatCells("workers", "seconds", "speed-up", "efficiency", "in kernel")}`)
  let found = 0
  for (let workers = 1; workers <= maxWorkers; workers++) {
    const { busy, count, seconds } = yield* measure(range, kernel, workers)
    if (workers > 1 && count !== found) {
      return yield* Effect.die(`the counts differ: ${count} with ${workers} workers, ${found} with one`)
    }
    found = count
    const speedup = (rows[0]?.seconds ?? seconds) / seconds
    const row: Row = { workers, seconds, speedup, efficiency: speedup / workers, busy }
    rows.push(row)
    yield* print(formatRow(row))
    yield* draw
  }
  yield* print(`\n${speedupPlot.text(rows)}\n
Dots are linear speed-up. Seconds include the start of the threads; "in kernel" is the part of the time after it that
the threads spent on counting.`)
  if (input.json) yield* Console.log(toJson(range, kernel, found, rows))
})
