/** The sequence diagram behind the rows of a timeline: lifelines, arrows from sending to arrival, and marks. */
import type { PageEvent } from "../../../simulation/explain/html/PageData.ts"
import { type Attributes, svg } from "./Dom.ts"
import * as Rows from "./Rows.ts"

/** Places of columns and rows, in pixels. */
export interface Layout {
  readonly hosts: ReadonlyArray<string>
  /** Left edge of the first column, and the width of each. */
  readonly left: number
  readonly columnWidth: number
  readonly rowHeight: number
  /** Middle of the diagram in a row, from its top. */
  readonly middle: number
}

/** Content of the diagram. */
export interface Drawn {
  readonly events: ReadonlyArray<PageEvent>
  /** Positions of the events of all rows. */
  readonly rows: ReadonlyArray<number>
  readonly conditions: Rows.Conditions
  readonly selected: number
}

/** Rows above the view from which an arrow may come: one that takes longer begins in view or is not drawn. */
const maxArrowRows = 2_000

const middleOf = ({ columnWidth, left }: Layout, column: number) => left + (column + 0.5) * columnWidth

const lifelines = (
  { conditions, rows }: Drawn,
  layout: Layout,
  first: number,
  end: number
): ReadonlyArray<SVGElement> => {
  const { hosts, rowHeight } = layout
  const perRow = rows.slice(first, end).map((event) => Rows.conditionsAt(conditions, event))
  return hosts.flatMap((host, column) => {
    const x = middleOf(layout, column)
    const lines: Array<SVGElement> = []
    let start = 0
    for (let at = 1; at <= perRow.length; at++) {
      const condition = perRow[start]!.get(host) ?? "up"
      if (at < perRow.length && (perRow[at]!.get(host) ?? "up") === condition) continue
      const [y1, y2] = [(first + start) * rowHeight, (first + at) * rowHeight]
      lines.push(svg("line", { class: `life ${condition}`, x1: x, x2: x, y1, y2 }))
      start = at
    }
    return lines
  })
}

const toneOf = ({ isFault, isWarning }: PageEvent) =>
  isFault === true ? " fault" : isWarning === true ? " warning" : ""

/** Draws a packet: an arrow that ends at the row of its arrival, or in a cross halfway if it is lost. */
const arrow = ({ events, rows, selected }: Drawn, layout: Layout, row: number): ReadonlyArray<SVGElement> => {
  const event = events[rows[row]!]!
  const { arrives, at, host = "", isLost = false, to } = event
  const [from, target] = [layout.hosts.indexOf(host), to === undefined ? -1 : layout.hosts.indexOf(to)]
  if (from < 0 && target < 0) return []
  const { columnWidth, rowHeight } = layout
  const y1 = row * rowHeight + layout.middle
  const x1 = from < 0 ? middleOf(layout, target) : middleOf(layout, from)
  const isSelected = row === selected ? " selected" : ""
  const attributes: Attributes = { class: `arrow${toneOf(event)}${isSelected}` }
  if (target < 0 || from < 0 || target === from) return [svg("circle", { ...attributes, cx: x1, cy: y1, r: 4 })]
  const arrival = arrives === undefined || arrives <= at ? row : Rows.rowsBefore(events, rows, arrives)
  const end = Math.max(y1, arrival > row ? arrival * rowHeight : y1)
  const direction = target > from ? 1 : -1
  const x2 = middleOf(layout, target) - 2 * direction
  if (isLost) {
    const [x, y] = [(x1 + x2) / 2, y1]
    return [
      svg("line", { ...attributes, x1, y1, x2: x, y2: y }),
      svg("path", { ...attributes, d: `M${x - 4} ${y - 4}l8 8m0 -8l-8 8` })
    ]
  }
  const angle = Math.atan2(end - y1, x2 - x1)
  const size = Math.min(8, columnWidth / 4)
  const wing = (turn: number) => `${x2 - size * Math.cos(angle + turn)} ${end - size * Math.sin(angle + turn)}`
  return [
    svg("line", { ...attributes, x1, y1, x2, y2: end }),
    svg("path", { ...attributes, d: `M${wing(0.45)}L${x2} ${end}L${wing(-0.45)}` })
  ]
}

/** Marks of events at a host, as paths around its lifeline. */
const marks: Readonly<Record<string, string>> = {
  log: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
  disk: "M-4 -4h8v8h-8z",
  state: "M0 -5l5 5l-5 5l-5 -5z",
  crash: "M-5 -5l10 10m0 -10l-10 10",
  pause: "M-3 -5v10m6 -10v10",
  start: "M-4 -5l9 5l-9 5z",
  jump: "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0M0 -3v3h3"
}

const sameMarks: Readonly<Record<string, string>> = { restart: "start", resume: "start", drift: "jump" }

/** Draws an event other than a packet: a mark at its host, or a line across all. */
const mark = ({ events, rows, selected }: Drawn, layout: Layout, row: number): ReadonlyArray<SVGElement> => {
  const event = events[rows[row]!]!
  const y = row * layout.rowHeight + layout.middle
  const tone = `${toneOf(event)}${row === selected ? " selected" : ""}`
  if (event.kind === "link" || event.host === undefined) {
    if (event.kind !== "link" && event.kind !== "end" && event.isFault !== true) return []
    const x2 = layout.left + layout.hosts.length * layout.columnWidth
    return [svg("line", { class: `across${tone}`, x1: layout.left, x2, y1: y, y2: y })]
  }
  const column = layout.hosts.indexOf(event.host)
  if (column < 0) return []
  const name = event.change ?? event.kind
  const d = marks[sameMarks[name] ?? name] ?? marks.log!
  const transform = `translate(${middleOf(layout, column)} ${y})`
  return [svg("path", { class: `mark mark-${event.kind}${tone}`, d, transform })]
}

/** Draws the rows from `first` to `end`, with the arrows that reach into them. */
export const draw = (drawn: Drawn, layout: Layout, first: number, end: number): SVGElement => {
  const { events, rows } = drawn
  const { columnWidth, hosts, left, rowHeight } = layout
  const parts: Array<SVGElement> = [...lifelines(drawn, layout, first, end)]
  const start = events[rows[first] ?? 0]?.at ?? 0
  for (let row = Math.max(0, first - maxArrowRows); row < end; row++) {
    const { arrives = 0, kind } = events[rows[row]!]!
    if (kind === "packet" ? row >= first || arrives > start : false) parts.push(...arrow(drawn, layout, row))
    if (kind !== "packet" && row >= first) parts.push(...mark(drawn, layout, row))
  }
  const width = left + hosts.length * columnWidth
  const height = (end - first) * rowHeight
  const element = svg(
    "svg",
    {
      class: "diagram",
      viewBox: `0 ${first * rowHeight} ${width} ${height}`,
      width,
      height,
      "aria-hidden": "true"
    },
    parts
  )
  element.style.transform = `translateY(${first * rowHeight}px)`
  return element
}
