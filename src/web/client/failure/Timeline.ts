/** The timeline of a run: one row for each event, with the hosts as columns. */
import type { PageEvent, PageRun } from "../../../simulation/explain/html/PageData.ts"
import * as Diagram from "./Diagram.ts"
import { h } from "./Dom.ts"
import * as Format from "./Format.ts"
import * as List from "./List.ts"
import * as Overview from "./Overview.ts"
import * as Rows from "./Rows.ts"

/** A timeline on the page. */
export interface Timeline {
  readonly element: HTMLElement
  /** Shows the events of a run that a filter lets through; the selected event stays selected if it is shown. */
  readonly show: (run: PageRun, filter: Omit<Rows.Filter, "from" | "to">) => void
  readonly select: (event: number) => void
  /** Selects the next fault, or the one before. */
  readonly toFault: (step: 1 | -1) => void
}

/** Width below which a row has two lines. */
const narrowPixels = 640

const layoutOf = (hosts: ReadonlyArray<string>, width: number): Diagram.Layout => {
  const hasTwoLines = width < narrowPixels
  const left = hasTwoLines ? 88 : 92
  const room = hasTwoLines ? width - left - 12 : Math.min(170 * hosts.length, (width - left) * 0.55)
  const columnWidth = Math.max(14, room / Math.max(1, hosts.length))
  return { hosts, left, columnWidth, rowHeight: hasTwoLines ? 48 : 28, middle: hasTwoLines ? 13 : 14 }
}

const isNarrow = ({ rowHeight }: Diagram.Layout) => rowHeight > 40

/** Returns who an event is of, for a reader who does not see the diagram. */
const subjectOf = ({ host, kind, to }: PageEvent) => {
  if (kind === "packet") return `${host} to ${to ?? "others"}: `
  return kind === "host" || host === undefined ? "" : `${host}: `
}

/** Returns the content of a row. */
const rowOf = (event: PageEvent, layout: Diagram.Layout): List.Row => {
  const { at, host, isFault, kind, omittedBefore } = event
  const omitted = omittedBefore === undefined ? "" : `… ${Format.count(omittedBefore, "event")} not in this page … `
  const scenario = host === undefined && kind !== "link" && kind !== "end" ? "scenario: " : ""
  const text = h(
    "span",
    { class: "row-text", title: event.text },
    h("span", { class: "visually-hidden" }, subjectOf(event)),
    h("span", { class: "muted" }, `${omitted}${scenario}`),
    event.text
  )
  if (!isNarrow(layout)) text.style.marginInlineStart = `${layout.hosts.length * layout.columnWidth + 12}px`
  const mark = isFault === true ? h("b", {}, " !") : undefined
  const time = h("span", { class: "row-time mono" }, Format.seconds(at), mark)
  return { children: [time, text], class: `${isFault === true ? "is-fault " : ""}kind-${kind}` }
}

/** Returns the names of the hosts, as wide as their columns. */
const headingsOf = ({ columnWidth, hosts }: Diagram.Layout) =>
  hosts.map((host) => {
    const name = h("span", { class: "host", title: host }, host)
    name.style.width = `${columnWidth}px`
    return name
  })

const countText = ({ events }: PageRun, rows: number) => {
  const left = events.reduce((sum, { omittedBefore = 0 }) => sum + omittedBefore, 0)
  const more = left > 0 ? `; ${Format.count(left, "event")} of the run are not in this page` : ""
  return `${rows.toLocaleString("en")} of ${Format.count(events.length, "row")}${more}`
}

type KeyStep = "in" | "out" | "all" | 1 | -1

/** Keys of the list: a step of the zoom, or to the next or the previous fault. */
const keySteps: Readonly<Record<string, KeyStep>> = {
  "+": "in",
  "-": "out",
  "0": "all",
  n: 1,
  p: -1
}

const handleKey = (
  step: KeyStep | undefined,
  zoom: Overview.Overview["zoom"],
  toFault: Timeline["toFault"]
): boolean => {
  if (typeof step === "string") zoom(step)
  else if (step !== undefined) toFault(step)
  return step !== undefined
}

/** Returns the row of the next fault in a direction; that after the last row, or before the first, if there is none. */
const nextFault = (events: ReadonlyArray<PageEvent>, rows: ReadonlyArray<number>, from: number, step: 1 | -1) => {
  let index = from + step
  while (index >= 0 && index < rows.length && events[rows[index]!]!.isFault !== true) index += step
  return index
}

/** Creates a timeline. */
export const make = (hosts: ReadonlyArray<string>, onSelect: (event: number) => void): Timeline => {
  let run: PageRun = { name: "", ending: "", endNanos: 0, total: 0, events: [] }
  let filter: Omit<Rows.Filter, "from" | "to"> | undefined
  let range: Overview.Range = { from: 0, to: 0 }
  let rows: ReadonlyArray<number> = []
  let conditions: Rows.Conditions = []
  let selected = -1
  let layout = layoutOf(hosts, 1_000)

  const shownCount = h("p", { class: "muted small", role: "status" })
  const heading = h("div", { class: "hosts", "aria-hidden": "true" })
  const overview = Overview.make((part) => {
    range = part
    update()
  })

  const list = List.make({
    id: "events",
    label: "Events of the run, in the order of their times",
    rowHeight: () => layout.rowHeight,
    emptyText: "No event passes the filter.",
    row: (index) => rowOf(run.events[rows[index]!]!, layout),
    draw: (first, end) =>
      Diagram.draw({ events: run.events, rows, conditions, selected: list.selected() }, layout, first, end),
    onSelect: (index) => {
      selected = rows[index]!
      overview.show(run, range, run.events[selected]!.at)
      onSelect(selected)
    },
    onKey: (key) => handleKey(keySteps[key], overview.zoom, toFault)
  })

  const arrange = () => {
    const shown = hosts.filter((host) => filter?.hiddenHosts.has(host) !== true)
    layout = layoutOf(shown, list.element.clientWidth || 1_000)
    list.element.classList.toggle("is-narrow", isNarrow(layout))
    heading.replaceChildren(...headingsOf(layout))
    heading.style.paddingInlineStart = `${layout.left}px`
  }

  const update = () => {
    if (filter === undefined) return
    rows = Rows.select(run.events, { ...filter, ...range })
    arrange()
    shownCount.textContent = countText(run, rows.length)
    overview.show(run, range, run.events[selected]?.at)
    list.reset(rows.length, rows.length === 0 ? -1 : Rows.rowOf(rows, Math.max(0, selected)))
  }

  const toFault = (step: 1 | -1) => list.select(nextFault(run.events, rows, list.selected(), step))

  new ResizeObserver(() => {
    arrange()
    list.refresh()
  }).observe(list.element)

  return {
    element: h("div", { class: "timeline" }, overview.element, shownCount, heading, list.element),
    toFault,
    show: (shown, wanted) => {
      if (shown !== run) {
        ;[run, conditions, selected] = [shown, Rows.conditionsOf(shown.events), shown.events.length - 1]
        range = { from: 0, to: Math.max(shown.endNanos, ...shown.events.slice(-1).map(({ at }) => at)) }
      }
      filter = wanted
      update()
    },
    select: (event) => {
      const at = run.events[event]?.at
      if (at === undefined) return
      selected = event
      if (at < range.from || at > range.to) range = { from: 0, to: Math.max(run.endNanos, at) }
      update()
      list.select(Rows.rowOf(rows, event))
    }
  }
}
