/** The timeline of a run: one row for each event, with the hosts as columns. */
import type { PageRun } from "../../../simulation/explain/html/PageData.ts"
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
  const isNarrow = width < narrowPixels
  const left = isNarrow ? 88 : 92
  const room = isNarrow ? width - left - 12 : Math.min(170 * hosts.length, (width - left) * 0.55)
  const columnWidth = Math.max(14, room / Math.max(1, hosts.length))
  return { hosts, left, columnWidth, rowHeight: isNarrow ? 48 : 28, middle: isNarrow ? 13 : 14 }
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
    row: (index) => {
      const event = run.events[rows[index]!]!
      const { at, host, isFault, kind, omittedBefore, to } = event
      const omitted = omittedBefore === undefined ? "" : `… ${Format.count(omittedBefore, "event")} not in this page … `
      const who =
        kind === "packet"
          ? `${host} to ${to ?? "others"}: `
          : kind === "host"
            ? ""
            : host === undefined
              ? ""
              : `${host}: `
      const scenario = host === undefined && kind !== "link" && kind !== "end" ? "scenario: " : ""
      const text = h(
        "span",
        { class: "row-text", title: event.text },
        h("span", { class: "visually-hidden" }, who),
        h("span", { class: "muted" }, `${omitted}${scenario}`),
        event.text
      )
      const diagramWidth = layout.hosts.length * layout.columnWidth
      const time = h(
        "span",
        { class: "row-time mono" },
        Format.seconds(at),
        isFault === true ? h("b", {}, " !") : undefined
      )
      if (layout.rowHeight < 40) text.style.marginInlineStart = `${diagramWidth + 12}px`
      return { children: [time, text], class: `${isFault === true ? "is-fault " : ""}kind-${kind}` }
    },
    draw: (first, end) =>
      Diagram.draw({ events: run.events, rows, conditions, selected: list.selected() }, layout, first, end),
    onSelect: (index) => {
      selected = rows[index]!
      overview.show(run, range, run.events[selected]!.at)
      onSelect(selected)
    },
    onKey: (key) => {
      const steps: Readonly<Record<string, () => void>> = {
        "+": () => overview.zoom("in"),
        "-": () => overview.zoom("out"),
        "0": () => overview.zoom("all"),
        n: () => toFault(1),
        p: () => toFault(-1)
      }
      steps[key]?.()
      return steps[key] !== undefined
    }
  })

  const arrange = () => {
    const shown = hosts.filter((host) => filter?.hiddenHosts.has(host) !== true)
    layout = layoutOf(shown, list.element.clientWidth || 1_000)
    list.element.classList.toggle("is-narrow", layout.rowHeight > 40)
    heading.replaceChildren(
      ...shown.map((host) => {
        const name = h("span", { class: "host", title: host }, host)
        name.style.width = `${layout.columnWidth}px`
        return name
      })
    )
    heading.style.paddingInlineStart = `${layout.left}px`
  }

  const update = () => {
    if (filter === undefined) return
    rows = Rows.select(run.events, { ...filter, ...range })
    arrange()
    const left = run.events.reduce((sum, { omittedBefore = 0 }) => sum + omittedBefore, 0)
    const more = left > 0 ? `; ${Format.count(left, "event")} of the run are not in this page` : ""
    shownCount.textContent = `${rows.length.toLocaleString("en")} of ${Format.count(run.events.length, "row")}${more}`
    overview.show(run, range, run.events[selected]?.at)
    list.reset(rows.length, rows.length === 0 ? -1 : Rows.rowOf(rows, Math.max(0, selected)))
  }

  const toFault = (step: 1 | -1) => {
    let index = list.selected() + step
    while (index >= 0 && index < rows.length && run.events[rows[index]!]!.isFault !== true) index += step
    if (index >= 0 && index < rows.length) list.select(index)
  }

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
