/** Results of the bench as a table, and as bars in SVG. */

export interface Row {
  readonly name: string
  readonly perSecond: number
  readonly medianMillis: number
  readonly p99Millis: number
  /** Longest time in which no client got a reply. */
  readonly pauseMillis: number
}

const figure = (value: number) => `${value < 100 ? Number(value.toPrecision(2)) : Math.round(value)}`

/** Formats a Markdown table. */
export const table = (rows: ReadonlyArray<Row>): string =>
  [
    "| faults | requests/s | median | 99 % | longest pause |",
    "| --- | --: | --: | --: | --: |",
    ...rows.map(({ medianMillis, name, p99Millis, pauseMillis, perSecond }) => {
      const times = [medianMillis, p99Millis, pauseMillis].map((millis) => `${figure(millis)} ms`)
      return `| ${name} | ${[figure(perSecond), ...times].join(" | ")} |`
    }),
    ""
  ].join("\n")

const nameWidth = 250
const panelWidth = 210
const gapWidth = 70
const rowHeight = 26
const headHeight = 34

const style = `
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .head { font-weight: 600 }
  .bar { fill: #0969da }
  .tail { fill: #0969da; opacity: 0.3 }
  @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .bar, .tail { fill: #4493f8 } }
`

const text = (x: number, y: number, content: string, attributes = "") =>
  `<text x="${Math.round(x)}" y="${y}"${attributes}>${content.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</text>`

const bar = (x: number, y: number, width: number, kind: "bar" | "tail") =>
  `<rect class="${kind}" x="${x}" y="${y}" width="${Math.max(1, width).toFixed(1)}" height="14" rx="2"/>`

/** Draws a bar of requests per second and one of latencies for each row: the median, and paler up to 99 %. */
export const draw = (rows: ReadonlyArray<Row>): string => {
  const [first, second] = [nameWidth, nameWidth + panelWidth + gapWidth]
  const [maxRate, maxMillis] = [
    Math.max(...rows.map(({ perSecond }) => perSecond)),
    Math.max(...rows.map(({ p99Millis }) => p99Millis))
  ]
  const [width, height] = [second + panelWidth + gapWidth + 50, headHeight + rows.length * rowHeight + 8]
  const bars = rows.flatMap(({ medianMillis, name, p99Millis, perSecond }, index) => {
    const y = headHeight + index * rowHeight
    const rateWidth = (panelWidth * perSecond) / maxRate
    const [medianWidth, tailWidth] = [medianMillis, p99Millis].map((millis) => (panelWidth * millis) / maxMillis)
    return [
      text(nameWidth - 12, y + 12, name, ' text-anchor="end"'),
      ...[bar(first, y, rateWidth, "bar"), text(first + rateWidth + 6, y + 12, figure(perSecond))],
      ...[bar(second, y, tailWidth!, "tail"), bar(second, y, medianWidth!, "bar")],
      text(second + tailWidth! + 6, y + 12, `${figure(medianMillis)} / ${figure(p99Millis)}`)
    ]
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    "<title>Throughput and latency of three Raft servers under faults</title>",
    `<style>${style}</style>`,
    text(first, 18, "requests per second", ' class="head"'),
    text(second, 18, "latency: median / 99 %, in ms", ' class="head"'),
    ...bars,
    "</svg>",
    ""
  ].join("\n")
}
