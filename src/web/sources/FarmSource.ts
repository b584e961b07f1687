/** The runs of a farm, for the page: those on the workers of a server, or the run of this process. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Ref from "effect/Ref"
import type * as Farm from "../../farm/Farm.ts"
import type { Progress, WorkerProgress } from "../../farm/Progress.ts"
import type * as PageState from "../PageState.ts"
import * as Rows from "./Rows.ts"

/** The part of the progress of a run that the page shows. */
interface RunProgress
  extends Pick<
    Progress,
    "done" | "efficiency" | "elapsedMillis" | "etaMillis" | "packets" | "retries" | "total" | "unitsPerSecond"
  > {
  readonly workers: ReadonlyArray<WorkerProgress>
  /** The working time by host, with that of workers that are not listed any more. */
  readonly hosts: ReadonlyArray<Pick<WorkerProgress, "busyMillis">>
}

/** A run of a service. */
export interface Run {
  /** Number of the run in its service. */
  readonly id: number
  readonly title: string
  readonly state: PageState.Farm["state"]
  readonly progress: () => RunProgress
}

/** Runs of one service that are shown. */
const maxRuns = 32

/** Workers of a run that are shown; the others are one row. */
const maxWorkers = 64

const workerOf = ({ busyMillis, failures, host, name, packets, share, state }: WorkerProgress): PageState.Worker => ({
  name: Rows.text(name),
  ...(host === undefined ? {} : { host: Rows.text(host) }),
  ...{ state, packets, share: Rows.rounded(share, 4), busyMillis: Rows.rounded(busyMillis), failures }
})

const sum = <A>(items: ReadonlyArray<A>, pick: (item: A) => number) => items.reduce((all, one) => all + pick(one), 0)

/** Returns one row for many workers; undefined for none. */
const othersOf = (workers: ReadonlyArray<WorkerProgress>): PageState.Worker | undefined =>
  workers.length === 0
    ? undefined
    : {
        name: `${workers.length} more`,
        state: workers.some(({ state }) => state === "ready") ? "ready" : "gone",
        packets: sum(workers, ({ packets }) => packets),
        share: Rows.rounded(
          sum(workers, ({ share }) => share),
          4
        ),
        busyMillis: Rows.rounded(sum(workers, ({ busyMillis }) => busyMillis)),
        failures: sum(workers, ({ failures }) => failures)
      }

/** Returns the rows of the workers in their order. Of too many those that are gone are in the last row first. */
const workersOf = (workers: ReadonlyArray<WorkerProgress>): ReadonlyArray<PageState.Worker> => {
  if (workers.length <= maxWorkers) return workers.map(workerOf)
  const present = workers.filter(({ state }) => state !== "gone")
  const byRank = new Set([...present, ...workers])
  const chosen = new Set([...byRank].slice(0, maxWorkers - 1))
  const others = othersOf(workers.filter((worker) => !chosen.has(worker)))
  return [...workers.filter((worker) => chosen.has(worker)).map(workerOf), ...(others === undefined ? [] : [others])]
}

/** Returns a worker of a run: one that was ready until the end of the run has no more to do in it. */
const atEnd = (worker: PageState.Worker, run: Run["state"]): PageState.Worker =>
  run !== "running" && worker.state === "ready" ? { ...worker, state: "done" } : worker

const isKnown = (value: number | undefined): value is number => value !== undefined && Number.isFinite(value)

/** Returns the row of a run. */
export const rowOf = (service: string, { id, progress, state, title }: Run): PageState.Farm => {
  const { done, efficiency, elapsedMillis, etaMillis, hosts, packets, retries, total, unitsPerSecond, workers } =
    progress()
  const busyMillis = sum(hosts, (host) => host.busyMillis)
  return {
    ...{ service, id, title: Rows.text(title), state, done: Rows.rounded(done) },
    ...(isKnown(total) ? { total } : {}),
    ...{ unitsPerSecond: Rows.rounded(unitsPerSecond), elapsedMillis: Rows.rounded(elapsedMillis) },
    ...(isKnown(etaMillis) && state === "running" ? { etaMillis: Rows.rounded(Math.max(0, etaMillis)) } : {}),
    efficiency: Rows.rounded(efficiency, 4),
    speedUp: elapsedMillis > 0 ? Rows.rounded(busyMillis / elapsedMillis, 2) : 0,
    ...{ packets, retries, workers: workersOf(workers).map((worker) => atEnd(worker, state)) }
  }
}

/** Makes the source of the runs of a service, such as those of a worker server. */
export const make = (service: string, runs: Effect.Effect<ReadonlyArray<Run>>) => ({
  farms: Effect.map(runs, (all) => {
    const { omitted, rows } = Rows.cut(all, maxRuns)
    return { rows: rows.map((run) => rowOf(service, run)), omitted }
  })
})

/** Makes the source of a run that this process has started. It waits for the end of the run until the scope closes. */
export const ofRun = Effect.fnUntraced(function* <Output, E>(
  service: string,
  title: string,
  running: Pick<Farm.Running<unknown>, "stats"> & { readonly output: Effect.Effect<Output, E> }
) {
  const state = yield* Ref.make<Run["state"]>("running")
  const end = (exit: Exit.Exit<Output, E>) => Ref.set(state, Exit.isSuccess(exit) ? "done" : "failed")
  yield* Effect.forkScoped(Effect.flatMap(Effect.exit(running.output), end))
  return make(
    service,
    Effect.gen(function* () {
      const progress = yield* running.stats
      return [{ id: 1, title, state: yield* Ref.get(state), progress: () => progress }]
    })
  )
})
