/** The text of `farm watch`: a line for the terminal, news, and a table at the end. Pure. */
import type { RunStatus } from "../../../cluster/FarmPool.ts"
import * as Quantity from "../../../network/Quantity.ts"
import * as TerminalText from "../../../network/TerminalText.ts"
import * as Amount from "../../../terminal/Amount.ts"
import * as ProgressBar from "../../../terminal/ProgressBar.ts"
import * as Table from "../../../terminal/Table.ts"

type WorkerStatus = RunStatus["workers"][number]
type HostStatus = RunStatus["hosts"][number]

const percent = (part: number) => `${Math.floor(part * 100)}%`

const amounts = ({ done, etaMillis, total, unitsPerSecond }: RunStatus) => {
  const units = total === undefined ? Amount.format(done) : `${Amount.format(done)} of ${Amount.format(total)}`
  const eta = total === undefined ? "" : `  ${ProgressBar.formatEta(etaMillis)}`
  return `${units}  ${Amount.format(unitsPerSecond)}/s${eta}`
}

const workerPart = ({ name, share, state }: WorkerStatus) => `${name} ${state === "ready" ? percent(share) : state}`

const hostPart = ({ host, ready, share, state }: HostStatus) =>
  `${host} ${state === "ready" ? `${percent(share)} (${Quantity.format(ready, "thread")})` : state}`

/** Formats who does the work, from the longest form to none: by thread, by host, and the numbers of both. */
const formatParts = ({ hosts, workers }: RunStatus) => {
  const present = workers.filter(({ state }) => state !== "gone")
  const counts = `${Quantity.format(present.length, "thread")} on ${Quantity.format(hosts.length, "host")}`
  return [present.map(workerPart).join(", "), hosts.map(hostPart).join(", "), counts].map((text) =>
    text === "" ? "" : `  ${text}`
  )
}

/** Formats the progress in at most `width` columns; without a bar if the total is unknown. */
export const bar = (status: RunStatus, width: number): string => {
  const { done, key, total } = status
  const details = [...formatParts(status), ""].map((parts) => ` ${amounts(status)}${parts}`)
  if (total !== undefined) {
    const fraction = total === 0 ? 0 : Math.min(1, done / total)
    return ProgressBar.format({ title: key, fraction, details, width, maxBarWidth: 40 })
  }
  const lines = details.map((detail) => `${key} ${detail}`)
  return (lines.find(({ length }) => length <= width) ?? lines.at(-1)!).slice(0, width)
}

/** Formats what a run has done that does not run, and the time of one that is done; nothing if it has done nothing. */
const formatDone = ({ done, elapsedMillis, state, total }: RunStatus) => {
  if (done === 0 && total === undefined) return ""
  const units = total === undefined || done === total ? "" : ` of ${Amount.format(total)}`
  const time = state === "done" && elapsedMillis > 0 ? ` in ${ProgressBar.formatTime(elapsedMillis)}` : ""
  return `, ${Amount.format(done)}${units} units${time}`
}

const formatSkipped = (skipped: number) => (skipped === 0 ? "" : `, without ${Quantity.format(skipped, "packet")}`)

const formatWork = (status: RunStatus) => {
  const ready = status.workers.filter(({ state }) => state === "ready").length
  return `, ${amounts(status)}, ${Quantity.format(ready, "thread")}`
}

/** Formats the state of a run in one line. */
export const stateLine = (status: RunStatus): string => {
  const { error, key, skipped, state } = status
  if (state === "unknown") return `no run ${key} yet: waiting for it (farm list shows the runs)`
  const counts = state === "running" ? formatWork(status) : formatDone(status)
  return `${state}${counts}${formatSkipped(skipped)}${error === undefined ? "" : `: ${error}`}`
}

/** Returns the workers that join and leave. Those that a host begins with are not news. */
const workerNews = (before: RunStatus, after: RunStatus) => {
  if (before.workers.length === 0) return []
  const known = new Map(before.workers.map(({ name, state }) => [name, state]))
  return after.workers.flatMap(({ name, state }) => {
    if (known.get(name) === state) return []
    if (state === "gone") return [`${name} has left`]
    return known.has(name) ? [] : [`${name} has joined`]
  })
}

/** Returns the lines on a change: the state, workers that join and leave, and machines that cannot take part. */
export const news = (before: RunStatus | undefined, after: RunStatus): ReadonlyArray<string> => {
  const refusals = after.refusals.filter((refusal) => before?.refusals.includes(refusal) !== true)
  if (before?.state !== after.state) return [stateLine(after), ...refusals]
  if (after.state !== "running") return refusals
  // A host counts the time from when it has begun with the run.
  if (after.elapsedMillis < before.elapsedMillis) return ["another host continues it", ...refusals]
  const skipped = after.skipped - before.skipped
  const given = skipped > 0 ? [`${Quantity.format(skipped, "packet")} given up`] : []
  return [...workerNews(before, after), ...given, ...refusals]
}

interface Part {
  readonly name: string
  readonly host: string
  readonly state: string
  readonly packets: number
  readonly share: number
  readonly busyMillis: number
}

const columns: ReadonlyArray<Table.Column<Part>> = [
  { title: "worker", rank: 0, format: ({ name }) => TerminalText.escape(name) },
  { title: "host", rank: 3, format: ({ host }) => TerminalText.escape(host) },
  { title: "state", rank: 2, format: ({ state }) => state },
  { title: "packets", rank: 1, alignRight: true, format: ({ packets }) => `${packets}` },
  { title: "share", rank: 1, alignRight: true, format: ({ share }) => percent(share) },
  { title: "busy", rank: 4, alignRight: true, format: ({ busyMillis }) => ProgressBar.formatTime(busyMillis) }
]

/** More threads than that are shown by their hosts. */
const maxRows = 32

/** Formats the parts of the workers, or of the hosts if there are many; no lines if there are none. */
export const table = ({ hosts, workers }: RunStatus, width: number): ReadonlyArray<string> => {
  const byHost = hosts.map((host): Part => ({ ...host, name: "all", state: Quantity.format(host.ready, "thread") }))
  const parts = workers.length <= maxRows ? workers : byHost
  return parts.length === 0 ? [] : Table.toText(Table.fit(columns, parts, width)).split("\n")
}
