/**
 * Plot of the throughput of a capture over time for a terminal, in block characters. Pure.
 *
 * **Example** (A burst in the second of two halves)
 *
 * ```ts
 * import { TerminalPlot } from "effect-inet/capture"
 *
 * const series = { startNanos: 0n, bucketMillis: 1000, bytes: [0, 125000], retransmissions: [0, 1] }
 * const lines = TerminalPlot.draw(series, { width: 33, rows: 1 })
 * lines[0] // => "1.00 Mbit/s |          ██████████"
 * lines.at(-1) // => "  sent again           xxxxxxxxxx"
 * ```
 */
import type { Series } from "../analysis/Throughput.ts"
import * as Plot from "./Plot.ts"
import * as Units from "./Units.ts"

/** Options. @category models @since 0.1.0 */
export interface Options {
  /** Width in columns, at least 30. Default 80. */
  readonly width?: number | undefined
  /** Height of the plot in rows, without its axis. Default 8. */
  readonly rows?: number | undefined
}

const eighths = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

const labelColumns = 12

/** Places a text in a line of blanks; it ends at the last column at the latest. */
const place = (line: ReadonlyArray<string>, at: number, text: string): ReadonlyArray<string> => {
  const start = Math.max(0, Math.min(line.length - text.length, at))
  return line.map((one, index) => text[index - start] ?? one)
}

/**
 * Draws the plot: rows from the top, the axis of time, and the times with retransmissions.
 *
 * @category formatting
 * @since 0.1.0
 */
export const draw = (series: Series, options: Options = {}): ReadonlyArray<string> => {
  const columns = Math.max(30, options.width ?? 80) - labelColumns - 1
  const rows = Math.max(1, options.rows ?? 8)
  const { durationNanos, maxRate, rates, retransmissions } = Plot.make(series, columns)
  const levels = rates.map((rate) => (rate === 0 ? 0 : Math.max(1, Math.round((rate / (maxRate || 1)) * rows * 8))))
  const labelOf = (row: number) => {
    const isLabelled = row === 0 || (rows >= 6 && row === rows >> 1)
    return isLabelled ? Units.rate((maxRate * (rows - row)) / rows) : ""
  }
  const bars = Array.from({ length: rows }, (_, row) => {
    const below = (rows - 1 - row) * 8
    const cells = levels.map((level) => eighths[Math.max(0, Math.min(8, level - below))])
    return `${labelOf(row).padStart(labelColumns - 1)} |${cells.join("")}`.trimEnd()
  })
  const blank = new Array<string>(columns).fill(" ")
  const middle = Units.duration(durationNanos / 2)
  const end = Units.duration(durationNanos)
  const times = [
    { at: 0, text: "0 s" },
    { at: Math.floor(columns / 2 - middle.length / 2), text: middle },
    { at: columns, text: end }
  ].reduce((line, { at, text }) => place(line, at, text), blank as ReadonlyArray<string>)
  const marks = retransmissions.map((count) => (count > 0 ? "x" : " ")).join("")
  return [
    ...bars,
    `${" ".repeat(labelColumns)}+${"-".repeat(columns)}`,
    `${" ".repeat(labelColumns + 1)}${times.join("")}`.trimEnd(),
    ...(marks.trim() === "" ? [] : [`${"sent again".padStart(labelColumns)} ${marks}`.trimEnd()])
  ]
}
