/** The progress of a count: a bar on the terminal, and a summary line at the end. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Running } from "../../../farm/Farm.ts"
import type { HostProgress, Progress, WorkerProgress } from "../../../farm/Progress.ts"
import * as Quantity from "../../../network/Quantity.ts"
import * as Amount from "../../../terminal/Amount.ts"
import { columns, openLine } from "../../../terminal/NodeTerminal.ts"
import * as ProgressBar from "../../../terminal/ProgressBar.ts"

const percent = (part: number) => Math.floor(part * 100)

const longShare = ({ name, share, state }: BarProgress["workers"][number]) =>
  `${name} ${state === "ready" ? `${percent(share)}%` : state}`

const shortShare = ({ share, state }: Pick<WorkerProgress, "share" | "state">) =>
  state === "ready" ? `${percent(share)}` : state

/** Formats the shares of the workers, from the longest form to none. */
const formatWorkers = (workers: BarProgress["workers"]) => [
  `  ${workers.map(longShare).join(", ")}`,
  `  ${workers.map(shortShare).join("+")}%`,
  ""
]

const hostName = ({ host = "this machine" }: HostProgress) => host

const fullHost = (one: HostProgress) => {
  const { packets, ready, share, state } = one
  const done = `${Quantity.format(packets, "packet")} ${percent(share)}%`
  return `${hostName(one)} ${state === "ready" ? Quantity.format(ready, "thread") : state} ${done}`
}

const briefHost = (one: HostProgress) => longShare({ ...one, name: hostName(one) })

/** Formats the parts of the hosts, from the longest form to none. */
const formatHosts = (hosts: ReadonlyArray<HostProgress>) => [
  `  ${hosts.map(fullHost).join(", ")}`,
  `  ${hosts.map(briefHost).join(", ")}`,
  `  ${hosts.map(shortShare).join("+")}%`,
  ""
]

/** The part of the progress that the bar shows. */
export interface BarProgress extends Pick<Progress, "done" | "etaMillis" | "total" | "unitsPerSecond"> {
  readonly workers: ReadonlyArray<Pick<WorkerProgress, "name" | "share" | "state">>
  /** Shown instead of the workers if there are others than this one. Default none. */
  readonly hosts?: ReadonlyArray<HostProgress> | undefined
}

/** Formats the progress in at most `width` columns: bar, amounts, rate, remaining time, and workers or hosts. */
export const bar = (title: string, progress: BarProgress, width: number): string => {
  const { done, etaMillis, hosts = [], unitsPerSecond, total = 0, workers } = progress
  const fraction = total === 0 ? 0 : Math.min(1, done / total)
  const eta = ProgressBar.formatEta(etaMillis)
  const amounts = ` ${Amount.format(done)} of ${Amount.format(total)}  ${Amount.format(unitsPerSecond)}/s  ${eta}`
  const shares = hosts.some(({ host }) => host !== undefined) ? formatHosts(hosts) : formatWorkers(workers)
  const details = shares.map((text) => amounts + text)
  return ProgressBar.format({ title, fraction, details, width, maxBarWidth: 40 })
}

/** Formats the line at the end of a count. */
export const summary = (title: string, { done, efficiency, packets, workers }: Progress, seconds: number): string => {
  const unitsPerSecond = seconds > 0 ? `, ${Amount.format(done / seconds)}/s` : ""
  const packetCount = Quantity.format(packets, "packet")
  const busy = `${Quantity.format(workers.length, "worker")} busy ${Math.round(efficiency * 100)}% of the time`
  return `${title}: ${seconds.toFixed(2)} s${unitsPerSecond}, ${packetCount}, ${busy}`
}

const refreshInterval = "100 millis"

/** Makes the display on standard error, if that is a terminal. It is cleared when the scope closes. */
export const openOnTerminal = Effect.fnUntraced(function* (title: string) {
  const line = yield* openLine
  if (line === undefined) return undefined
  const draw = (stats: BarProgress) =>
    stats.total === undefined ? Effect.void : Effect.suspend(() => line.draw(bar(title, stats, columns() - 1)))
  return {
    ...line,
    draw,
    /** Draws the progress of a run until the scope closes. */
    follow: ({ statsEvery }: Pick<Running<unknown>, "statsEvery">) =>
      Effect.forkScoped(Stream.runForEach(statsEvery(refreshInterval), draw))
  }
})
