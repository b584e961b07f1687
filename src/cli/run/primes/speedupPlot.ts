/** A plot of the speed-up by number of workers, as text and as SVG. Pure. */
import * as Quantity from "../../../network/Quantity.ts"

/** A measurement: the speed-up of a number of workers against one. */
export interface Point {
  readonly workers: number
  readonly speedup: number
}

/** Computes the end of both axes, which begin at 0. */
const endOf = (points: ReadonlyArray<Point>) =>
  Math.ceil(Math.max(1, ...points.flatMap(({ speedup, workers }) => [workers, speedup])))

/** Returns the labels of an axis: whole numbers, at most ten. */
const ticksTo = (end: number): ReadonlyArray<number> => {
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((one) => end / one <= 10) ?? 1_000
  return Array.from({ length: Math.floor(end / step) }, (_, index) => (index + 1) * step)
}

const plotSize = { columns: 48, rows: 16 }

/** Draws the plot as lines of text: `*` is a measurement, `.` linear speed-up. */
export const text = (points: ReadonlyArray<Point>): string => {
  const end = endOf(points)
  const column = (value: number) => Math.round((value / end) * plotSize.columns)
  const row = (value: number) => Math.round((value / end) * plotSize.rows)
  const grid = Array.from({ length: plotSize.rows + 1 }, () => new Array<string>(plotSize.columns + 1).fill(" "))
  for (let at = 0; at <= plotSize.columns; at += 2) grid[Math.round((at / plotSize.columns) * plotSize.rows)]![at] = "."
  for (const { speedup, workers } of points) grid[row(speedup)]![column(workers)] = "*"
  const labels = new Map(ticksTo(end).map((tick) => [row(tick), `${tick}`]))
  const lines = grid.slice(1).map((cells, index) => {
    const label = labels.get(index + 1)
    return `${(label ?? "").padStart(8)} ${label === undefined ? "|" : "+"}${cells.slice(1).join("")}`.trimEnd()
  })
  const axis = new Array<string>(plotSize.columns + 1).fill("-")
  const below = new Array<string>(plotSize.columns + 4).fill(" ")
  for (const tick of ticksTo(end)) {
    axis[column(tick)] = "+"
    for (const [at, digit] of Array.from(`${tick}`).entries()) below[column(tick) + at] = digit
  }
  return [
    "speed-up",
    ...lines.toReversed(),
    `${" ".repeat(9)}${axis.join("").replace("-", "+")}`,
    `${" ".repeat(9)}${below.join("").trimEnd()} workers`
  ].join("\n")
}

const escapeXml = (plain: string) => plain.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

const svgSize = { width: 520, height: 420, left: 60, right: 20, top: 50, bottom: 50 }

/** Draws the plot as a self-contained SVG: measurements as a line, linear speed-up dashed. */
export const svg = (title: string, points: ReadonlyArray<Point>): string => {
  const end = endOf(points)
  const [right, bottom] = [svgSize.width - svgSize.right, svgSize.height - svgSize.bottom]
  const x = (value: number) => Number((svgSize.left + (value / end) * (right - svgSize.left)).toFixed(1))
  const y = (value: number) => Number((bottom - (value / end) * (bottom - svgSize.top)).toFixed(1))
  const ticks = ticksTo(end).flatMap((tick) => [
    `<path d="M${svgSize.left} ${y(tick)}H${right}M${x(tick)} ${svgSize.top}V${bottom}" stroke="#ddd"/>`,
    `<text x="${svgSize.left - 8}" y="${y(tick) + 4}" text-anchor="end">${tick}</text>`,
    `<text x="${x(tick)}" y="${bottom + 18}" text-anchor="middle">${tick}</text>`
  ])
  const path = points.map(({ speedup, workers }) => `${x(workers)},${y(speedup)}`)
  const dots = points.map(({ speedup, workers }) => {
    const hint = `${Quantity.format(workers, "worker")}: ${speedup.toFixed(2)}`
    return `<circle cx="${x(workers)}" cy="${y(speedup)}" r="4" fill="#06c"><title>${hint}</title></circle>`
  })
  const middle = (svgSize.left + right) / 2
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${svgSize.width} ${svgSize.height}" font-family="sans-serif" font-size="13">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="${middle}" y="28" text-anchor="middle" font-size="15">${escapeXml(title)}</text>`,
    ...ticks,
    `<path d="M${svgSize.left} ${svgSize.top}V${bottom}H${right}" fill="none" stroke="#000"/>`,
    `<path d="M${x(0)} ${y(0)}L${x(end)} ${y(end)}" stroke="#888" stroke-dasharray="5 5"/>`,
    `<polyline points="${path.join(" ")}" fill="none" stroke="#06c" stroke-width="2"/>`,
    ...dots,
    `<text x="${middle}" y="${svgSize.height - 12}" text-anchor="middle">workers</text>`,
    `<text x="18" y="${(svgSize.top + bottom) / 2}" text-anchor="middle" transform="rotate(-90 18 ${(svgSize.top + bottom) / 2})">speed-up</text>`,
    "</svg>"
  ].join("\n")}\n`
}
