/**
 * Plot of the throughput of a capture over time as SVG, self-contained, for a light and a dark background. Pure.
 *
 * **Example** (A plot)
 *
 * ```ts
 * import { Svg } from "effect-inet/capture"
 *
 * const series = { startNanos: 0n, bucketMillis: 1000, bytes: [0, 125000], retransmissions: [0, 1] }
 * Svg.throughput(series, { title: "boot.pcapng" }).startsWith("<svg ") // => true
 * ```
 */
import type { Series } from "../analysis/Throughput.ts"
import * as Plot from "./Plot.ts"
import * as Units from "./Units.ts"
import { escapeMarkup } from "./Xml.ts"

/** Options. @category models @since 0.1.0 */
export interface Options {
  /** Title above the plot; none if empty. Default `Throughput`. */
  readonly title?: string | undefined
}

/** Styles of the drawings, for a light and a dark background. @category constants @since 0.1.0 */
export const styles = `.ink{fill:#1f2328}.dim{fill:#59636e}.line{stroke:#59636e;fill:none}.grid{stroke:#d1d9e0}.area{fill:#0969da;fill-opacity:.25;stroke:#0969da}.bad{stroke:#cf222e;fill:#cf222e}.mark{fill:#cf222e}.halo{paint-order:stroke;stroke:#fff;stroke-width:4px}.page{fill:#fff}
@media(prefers-color-scheme:dark){.ink{fill:#f0f6fc}.dim{fill:#9198a1}.line{stroke:#9198a1}.grid{stroke:#3d444d}.area{fill:#4493f8;stroke:#4493f8}.bad{stroke:#f85149;fill:#f85149}.mark{fill:#f85149}.halo{stroke:#0d1117}.page{fill:#0d1117}}`

const size = { width: 860, height: 300, left: 92, right: 24, bottom: 52 }

/** Height above the plot, with and without a title. */
const margins = { titled: 44, plain: 18 }

const points = 360

const round = (value: number) => Number(value.toFixed(1))

/** Draws the steps of the rates as a closed path above the axis. */
const areaPath = (rates: ReadonlyArray<number>, x: (at: number) => number, y: (rate: number) => number) => {
  const steps = rates.map((rate, at) => `V${y(rate)}H${x((at + 1) / rates.length)}`)
  return `M${x(0)} ${y(0)}${steps.join("")}V${y(0)}Z`
}

/** Draws the throughput; a red tick below the axis is a time with retransmissions. @category formatting @since 0.1.0 */
export const throughput = (series: Series, options: Options = {}): string => {
  const { durationNanos, maxRate, rates, retransmissions } = Plot.make(series, points)
  const top = maxRate === 0 ? 1 : maxRate * 1.05
  const [right, bottom] = [size.width - size.right, size.height - size.bottom]
  const x = (share: number) => round(size.left + share * (right - size.left))
  const y = (rate: number) => round(bottom - (rate / top) * (bottom - marginTop))
  const title = options.title ?? "Throughput"
  const marginTop = title === "" ? margins.plain : margins.titled
  const horizontal = Plot.ticks(top, 5).flatMap((tick) => [
    `<path class="grid" d="M${size.left} ${y(tick)}H${right}"/>`,
    `<text class="dim" x="${size.left - 8}" y="${y(tick) + 4}" text-anchor="end">${Units.rate(tick)}</text>`
  ])
  const seconds = durationNanos / 1e9
  const vertical = Plot.ticks(seconds, 8).flatMap((tick) => [
    `<path class="grid" d="M${x(tick / seconds)} ${marginTop}V${bottom}"/>`,
    `<text class="dim" x="${x(tick / seconds)}" y="${bottom + 24}" text-anchor="middle">${Units.duration(tick * 1e9)}</text>`
  ])
  const marks = retransmissions.flatMap((count, at) =>
    count > 0 ? [`M${x((at + 0.5) / points)} ${bottom + 2}v7`] : []
  )
  const legend =
    marks.length === 0
      ? []
      : [`<text class="dim" x="${right}" y="${size.height - 8}" text-anchor="end">red ticks: sent again</text>`]
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" role="img" font-family="system-ui, sans-serif" font-size="12">`,
    `<title>${escapeMarkup(title === "" ? "Throughput over time" : title)}</title>`,
    `<style>${styles}</style>`,
    '<rect class="page" width="100%" height="100%"/>',
    `<text class="ink" x="${size.left}" y="26" font-size="15">${escapeMarkup(title)}</text>`,
    ...horizontal,
    ...vertical,
    `<path class="area" d="${areaPath(rates, x, y)}"/>`,
    `<path class="line" d="M${size.left} ${marginTop}V${bottom}H${right}"/>`,
    ...(marks.length === 0 ? [] : [`<path class="bad" stroke-width="2" d="${marks.join("")}"/>`]),
    ...legend,
    "</svg>"
  ].join("\n")}\n`
}
