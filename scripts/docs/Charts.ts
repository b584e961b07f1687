/** Bar charts of the tables in `docs/benchmarks.md`, as HTML: figures stay text, and a style has the width of a bar. */

/** A bar: the contestant, its figure as written, and the figure as a number. */
interface Bar {
  readonly name: string
  readonly text: string
  readonly value: number
}

/** A measure with a bar for each contestant, the package's own first. */
export interface Measure {
  readonly name: string
  readonly bars: ReadonlyArray<Bar>
}

/** The columns of a table of results: measure, ours, peer, theirs. */
const cellsOf = (line: string) =>
  line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim())

const barOf = (name: string, cell: string): Bar | undefined => {
  const [text = ""] = cell.split(" ")
  const value = Number(text.replaceAll(",", ""))
  return text !== "" && Number.isFinite(value) ? { name, text, value } : undefined
}

/** Parses a table of results. A row without a measure compares the measure above with another peer. */
export const parse = (table: string): ReadonlyArray<Measure> => {
  const measures: Array<{ readonly name: string; readonly bars: Array<Bar> }> = []
  for (const line of table.trim().split("\n").slice(2)) {
    const [name = "", ours = "", peer = "", theirs = ""] = cellsOf(line)
    if (name !== "") measures.push({ name, bars: [] })
    const bars = measures.at(-1)?.bars
    for (const bar of [name === "" ? undefined : barOf("effect-inet", ours), barOf(peer, theirs)]) {
      if (bar !== undefined) bars?.push(bar)
    }
  }
  return measures.filter(({ bars }) => bars.length > 1)
}

const escapeHtml = (text: string) =>
  text
    .replace(/`([^`]*)`/g, "$1")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")

const renderBar = ({ name, text, value }: Bar, index: number, maximum: number) => {
  const percent = value <= 0 ? 0 : Math.max(0.5, (100 * value) / maximum)
  const kind = index === 0 ? "ours" : "theirs"
  return (
    `<span class="chart-name">${escapeHtml(name)}</span>` +
    `<span class="chart-track"><span class="chart-bar ${kind}" style="width:${percent.toFixed(1)}%"></span></span>` +
    `<span class="chart-figure">${escapeHtml(text)}</span>`
  )
}

/** Renders a chart. It contains no blank line, so that Markdown keeps it as one block of HTML. */
const render = (measures: ReadonlyArray<Measure>) =>
  [
    '<div class="chart">',
    ...measures.flatMap(({ bars, name }) => {
      const maximum = Math.max(...bars.map(({ value }) => value))
      const lines = bars.map((bar, index) => renderBar(bar, index, maximum))
      return [`<p class="chart-measure">${escapeHtml(name)}</p>`, `<div class="chart-bars">${lines.join("\n")}</div>`]
    }),
    "</div>"
  ].join("\n")

/** Puts a chart in front of each table of results of a page. */
export const insert = (page: string) =>
  page.replaceAll(/^\| +\| ours .*\n(?:\|.*\n)+/gm, (table) => {
    const measures = parse(table)
    return measures.length === 0 ? table : `${render(measures)}\n\n${table}`
  })
