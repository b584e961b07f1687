/**
 * Progress bars of one line. `format` is pure; the caller writes the line to the terminal.
 *
 * **Example** (A transfer at a quarter of its size)
 *
 * ```ts
 * import { ProgressBar } from "effect-inet/terminal"
 *
 * const detail = ` 1 of 4 MB  ${ProgressBar.formatEta(90_000)}`
 * const line = ProgressBar.format({ title: "boot.img", fraction: 0.25, details: [detail], width: 48 })
 *
 * line // => "boot.img   25% [===        ] 1 of 4 MB  ETA 1:30"
 * ProgressBar.formatTime(3_725_000) // => "1:02:05"
 * ```
 */

/** Progress to show in one line. @category models @since 0.1.0 */
export interface Progress {
  readonly title: string
  /** Completed part, 0 to 1. */
  readonly fraction: number
  /** Texts for the end of the line, the longest first. The first one that leaves `minBarWidth` columns is used. */
  readonly details: ReadonlyArray<string>
  /** Columns of the terminal that the line may use. */
  readonly width: number
  /** Columns of the bar, without its brackets, that a longer detail must leave. Default 10. */
  readonly minBarWidth?: number | undefined
  /** Columns of the bar, without its brackets, at most. Default unlimited. */
  readonly maxBarWidth?: number | undefined
}

/** Smallest bar that is drawn, without its brackets. */
const minDrawnWidth = 4

/**
 * Returns `title  42% [====    ] detail`, cut to `width` columns. The bar fills the columns that are left; where fewer
 * than four are left, there is none.
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = ({
  details,
  fraction,
  maxBarWidth = Number.POSITIVE_INFINITY,
  minBarWidth = 10,
  title,
  width
}: Progress): string => {
  const before = `${title}  ${`${Math.floor(fraction * 100)}`.padStart(3)}% `
  const columnsLeft = (detail: string) => width - before.length - detail.length - 2
  const detail = details.find((text) => columnsLeft(text) >= minBarWidth) ?? details.at(-1) ?? ""
  const barWidth = Math.min(maxBarWidth, columnsLeft(detail))
  const filled = Math.round(fraction * barWidth)
  const bar = barWidth < minDrawnWidth ? "" : `[${"=".repeat(filled)}${" ".repeat(barWidth - filled)}]`
  return `${before}${bar}${detail}`.slice(0, width)
}

const twoDigits = (part: number) => `${part}`.padStart(2, "0")

/**
 * Formats a time as minutes and seconds, `m:ss`, and from an hour up as `h:mm:ss`. Fractions of a second are rounded
 * up.
 *
 * @category formatting
 * @since 0.1.0
 */
export const formatTime = (millis: number): string => {
  const whole = Math.ceil(millis / 1_000)
  const [hours, minutes, seconds] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60, whole % 60]
  return hours > 0 ? `${hours}:${twoDigits(minutes)}:${twoDigits(seconds)}` : `${minutes}:${twoDigits(seconds)}`
}

/** Formats the time left, `ETA 1:30`; `ETA -:--` where it is unknown. @category formatting @since 0.1.0 */
export const formatEta = (millis: number | undefined): string =>
  `ETA ${millis === undefined ? "-:--" : formatTime(millis)}`
