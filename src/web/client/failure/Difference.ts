/** Two runs beside each other, event by event, with the first difference marked. */
import type { DifferenceRow, PageDifference, PageEvent, PageRun } from "../../../simulation/explain/html/PageData.ts"
import { button, checkBox, h } from "./Dom.ts"
import * as Format from "./Format.ts"
import * as List from "./List.ts"

/** A comparison on the page. */
export interface Difference {
  readonly element: HTMLElement
  readonly refresh: () => void
}

type Selected = (one: PageEvent | undefined, other: PageEvent | undefined) => void

const isDifferent = ([one, other, isChanged]: DifferenceRow) => one < 0 || other < 0 || isChanged === 1

/** Sign and class of a row. */
const toneOf = ([one, other, isChanged]: DifferenceRow) =>
  one < 0
    ? { sign: "+", name: "is-added", words: "only in the other run" }
    : other < 0
      ? { sign: "−", name: "is-removed", words: "only in the first run" }
      : isChanged === 1
        ? { sign: "≠", name: "is-changed", words: "different" }
        : { sign: "", name: "", words: "in both" }

const cell = (event: PageEvent | undefined) =>
  event === undefined
    ? h("span", { class: "cell" })
    : h(
        "span",
        { class: `cell${event.isFault === true ? " bad" : ""}`, title: event.text },
        h("span", { class: "mono muted" }, `${Format.seconds(event.at)} `),
        Format.line(event)
      )

/** Height of a row, which has two lines where the columns do not fit. */
const rowHeight = (element: HTMLElement | undefined) => ((element?.clientWidth ?? 1_000) < 640 ? 48 : 28)

/** Creates the comparison of two runs. */
export const make = (
  { rows, title }: PageDifference,
  [one, other]: readonly [PageRun, PageRun],
  onSelect: Selected
): Difference => {
  const first = rows.findIndex(isDifferent)
  const differences = rows.filter(isDifferent).length
  let shown: ReadonlyArray<number> = []
  const rowAt = (index: number) => rows[shown[index]!]!
  const list: List.List = List.make({
    id: "differences",
    label: `Comparison of ${title}`,
    rowHeight: () => rowHeight(list?.element),
    emptyText: "The two runs have the same events.",
    row: (index) => {
      const row = rowAt(index)
      const { name, sign, words } = toneOf(row)
      const isFirst = shown[index] === first
      return {
        children: [
          cell(one.events[row[0]]),
          h("span", { class: "sign" }, sign, h("span", { class: "visually-hidden" }, ` ${words}`)),
          cell(other.events[row[1]])
        ],
        class: `difference ${name}${isFirst ? " is-first" : ""}`
      }
    },
    onSelect: (index) => {
      const [at, otherAt] = rowAt(index)
      onSelect(one.events[at], other.events[otherAt])
    }
  })
  const show = (hasAll: boolean) => {
    shown = rows.flatMap((row, at) => (hasAll || isDifferent(row) ? [at] : []))
    list.reset(shown.length, shown.indexOf(first))
  }
  const summary =
    first < 0
      ? "no difference between their events"
      : `${Format.count(differences, "difference")} in ${Format.count(rows.length, "row")}; the first is marked`
  const tools = h(
    "div",
    { class: "row" },
    button("First difference", () => list.select(shown.indexOf(first)), { disabled: first < 0 }),
    checkBox("differences only", false, (isOnly) => show(!isOnly)),
    h("span", { class: "muted small" }, summary)
  )
  const heading = h(
    "div",
    { class: "difference heading", "aria-hidden": "true" },
    [one, other].map(({ ending, name }) => h("span", { class: "cell" }, `${name}: ${ending}`))
  )
  show(true)
  return {
    element: h("section", { class: "stack", "aria-label": `Comparison of ${title}` }, tools, heading, list.element),
    refresh: () => {
      list.reset(shown.length, Math.max(list.selected(), shown.indexOf(first)))
      if (shown.length > 0) list.select(Math.max(0, list.selected()))
    }
  }
}
