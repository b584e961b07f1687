/** The runs of farms, with their workers. */
import type * as PageState from "../../PageState.ts"
import * as Format from "../Format.ts"
import { usePage } from "../hooks.tsx"
import { Clip } from "../parts/Clip.tsx"
import { type Column, DataTable } from "../parts/DataTable.tsx"
import { Badge } from "../parts/Mark.tsx"
import { Progress, Share } from "../parts/Progress.tsx"
import { type Stat, Stats } from "../parts/Stats.tsx"
import { Empty, View } from "../parts/View.tsx"
import * as Words from "../Words.ts"

type Farm = PageState.Farm
type Worker = PageState.Worker

const columnsOf = ({ elapsedMillis }: Farm): ReadonlyArray<Column<Worker>> => [
  {
    title: "Worker",
    cell: ({ host, name, state }) => (
      <div class="cell-lines">
        <Clip text={name} />
        {host !== undefined && <Clip text={`on ${host}`} class="muted small" />}
        <span class="below-tablet">
          <Badge tone={Words.farmTones[state]}>{state}</Badge>
        </span>
      </div>
    ),
    sortBy: ({ name }) => name
  },
  {
    title: "State",
    from: "tablet",
    cell: ({ state }) => <Badge tone={Words.farmTones[state]}>{state}</Badge>,
    sortBy: ({ state }) => state
  },
  {
    title: "Share of the work",
    cell: ({ share }) => <Share fraction={share} />,
    sortBy: ({ share }) => share
  },
  {
    title: "Busy",
    isNumber: true,
    from: "tablet",
    cell: ({ busyMillis }) => (elapsedMillis > 0 ? Format.percent(Math.min(1, busyMillis / elapsedMillis)) : "0 %"),
    sortBy: ({ busyMillis }) => busyMillis
  },
  { title: "Packets", isNumber: true, cell: ({ packets }) => Format.count(packets), sortBy: ({ packets }) => packets },
  {
    title: "Failures",
    isNumber: true,
    from: "tablet",
    cell: ({ failures }) => (failures === 0 ? <span class="muted">0</span> : Format.count(failures)),
    sortBy: ({ failures }) => failures
  }
]

const statsOf = (run: Farm): ReadonlyArray<Stat> => {
  const { efficiency, elapsedMillis, etaMillis, packets, retries, speedUp, state, unitsPerSecond, workers } = run
  const working = state === "running" ? workers.filter((worker) => worker.state === "ready").length : workers.length
  return [
    {
      name: "Speed-up",
      value: Format.factor(speedUp),
      ...(working === 0 ? {} : { note: `with ${Format.plural(working, "worker")}` })
    },
    { name: "Efficiency", value: Format.percent(efficiency), note: "of the workers' time" },
    { name: "Rate", value: `${Format.amount(unitsPerSecond)}/s`, note: "units" },
    ...(state === "running" && etaMillis !== undefined ? [{ name: "Left", value: Format.age(etaMillis) }] : []),
    { name: "Elapsed", value: Format.duration(elapsedMillis) },
    {
      name: "Packets",
      value: Format.count(packets),
      note: retries === 0 ? "none again" : `${Format.count(retries)} again`
    }
  ]
}

const Run = ({ run }: { readonly run: Farm }) => {
  const { done, state, title, total, workers } = run
  const fraction = state === "done" ? 1 : Words.fraction(done, total)
  return (
    <article class="panel stack">
      <header class="row row-between">
        <h2 class="wrap">
          <bdi>{title}</bdi>
        </h2>
        <Badge tone={Words.farmTones[state]}>{state}</Badge>
      </header>
      <div class="bar-line bar-line-large">
        <Progress of={`Progress of ${title}`} fraction={fraction} tone={Words.farmTones[state]} />
        <span>{fraction === undefined ? `${Format.amount(done)} units` : Format.percent(fraction)}</span>
      </div>
      <Stats stats={statsOf(run)} />
      {workers.length > 0 && (
        <DataTable
          caption={`Workers of ${title}`}
          columns={columnsOf(run)}
          rows={workers}
          keyOf={({ host = "", name }) => `${host} ${name}`}
        />
      )}
    </article>
  )
}

const stateOrder: ReadonlyArray<Farm["state"]> = ["running", "failed", "done"]

/** Shows the runs of all farms, the running ones first. */
export const FarmView = () => {
  const { omitted, rows } = usePage().snapshot.farms
  if (rows.length === 0) {
    return (
      <View title="Farm">
        <Empty text="No farm computes.">
          A run appears here when a client asks the primes service, or with <code>effect-inet primes count --page</code>
          .
        </Empty>
      </View>
    )
  }
  const runs = [...rows].sort(
    (one, other) => stateOrder.indexOf(one.state) - stateOrder.indexOf(other.state) || other.id - one.id
  )
  return (
    <View title="Farm">
      {runs.map((run) => (
        <Run key={`${run.service} ${run.id}`} run={run} />
      ))}
      {omitted > 0 && <p class="muted small">{Format.plural(omitted, "more run")} not shown.</p>}
    </View>
  )
}
