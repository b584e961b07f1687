/** A bar on the terminal while primes are counted, and a line when they are. */
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import type { Progress, WorkerProgress } from "../../../farm/Progress.ts"
import { columns, replaceLine } from "../../../terminal/NodeTerminal.ts"

const units = ["", " k", " M", " G", " T", " P"]

/** A number, with three digits from a thousand up. */
export const formatAmount = (amount: number): string => {
  if (amount < 999.5) return `${Math.round(amount)}`
  let rest = amount
  let unit = 0
  for (; rest >= 999.5 && unit < units.length - 1; unit++) rest /= 1_000
  return `${rest.toPrecision(3)}${units[unit]}`
}

/** Minutes and seconds, and hours where there are any. */
export const formatTime = (millis: number): string => {
  const whole = Math.ceil(millis / 1_000)
  const [hours, minutes, seconds] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60, whole % 60]
  const two = (part: number) => `${part}`.padStart(2, "0")
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`
}

const percent = (part: number) => Math.floor(part * 100)

const longShare = ({ name, share, state }: WorkerProgress) =>
  `${name} ${state === "ready" ? `${percent(share)}%` : state}`

const shortShare = ({ share, state }: WorkerProgress) => (state === "ready" ? `${percent(share)}` : state)

/** Who does how much: in as many words as there is room for. */
const formatShares = (workers: ReadonlyArray<WorkerProgress>, columns: number): string =>
  [`  ${workers.map(longShare).join(", ")}`, `  ${workers.map(shortShare).join("+")}%`].find(
    (text) => text.length <= columns
  ) ?? ""

/** The narrowest bar that is worth drawing. */
const minBarColumns = 10

/** The line of a count under way, at most `width` wide: how far, how fast, how long yet, who does how much. */
export const bar = (title: string, progress: Progress, width: number): string => {
  const { done, etaMillis, unitsPerSecond, total = 0, workers } = progress
  const part = total === 0 ? 0 : Math.min(1, done / total)
  const before = `${title}  ${`${percent(part)}`.padStart(3)}% `
  const left = etaMillis === undefined ? "-:--" : formatTime(etaMillis)
  const after = ` ${formatAmount(done)} of ${formatAmount(total)}  ${formatAmount(unitsPerSecond)}/s  ETA ${left}`
  const shares = formatShares(workers, width - before.length - after.length - minBarColumns - 2)
  const barColumns = Math.min(40, width - before.length - after.length - shares.length - 2)
  const filledColumns = Math.round(part * barColumns)
  const drawnBar = barColumns < 4 ? "" : `[${"=".repeat(filledColumns)}${" ".repeat(barColumns - filledColumns)}]`
  return `${before}${drawnBar}${after}${shares}`.slice(0, width)
}

/** The line of a count that is over. */
export const summary = (title: string, { done, efficiency, packets, workers }: Progress, seconds: number): string => {
  const unitsPerSecond = seconds > 0 ? `, ${formatAmount(done / seconds)}/s` : ""
  const who = `${workers.length} ${workers.length === 1 ? "worker" : "workers"}`
  const cut = `${packets} ${packets === 1 ? "packet" : "packets"}`
  return `${title}: ${seconds.toFixed(2)} s${unitsPerSecond}, ${cut}, ${who} busy ${Math.round(efficiency * 100)}% of the time`
}

/** Draws on standard error, if that is a terminal, until the scope closes. */
export const showOnTerminal = Effect.fnUntraced(function* (
  title: string,
  progress: SubscriptionRef.SubscriptionRef<Progress>
) {
  const stdio = yield* Stdio.Stdio
  if (!(yield* stdio.stderrIsTerminal)) return undefined
  const draw = (stats: Progress) =>
    Effect.sync(() => {
      if (stats.total !== undefined) replaceLine(bar(title, stats, columns() - 1))
    })
  const clear = Effect.sync(() => replaceLine(""))
  yield* Effect.addFinalizer(() => clear)
  yield* Effect.forkScoped(Stream.runForEach(SubscriptionRef.changes(progress), draw))
  return { clear, print: (line: string) => Effect.sync(() => replaceLine(`${line}\n`)) }
})
