/** Controls that choose which events the timeline shows. */
import type { Kind, PageEvent, PageRun } from "../../../simulation/explain/html/PageData.ts"
import { checkBox, h } from "./Dom.ts"
import * as Format from "./Format.ts"
import type * as Rows from "./Rows.ts"

/** A filter of all times. */
export type Filter = Omit<Rows.Filter, "from" | "to">

/** Number of host names that fit without a scroll bar of their own. */
const openHosts = 12

/** Number of types in the choice: a dissector may have made one of each packet. */
const maxTypes = 200

/** Returns the most frequent types of events, by name. */
const typesOf = (events: ReadonlyArray<PageEvent>): ReadonlyArray<string> => {
  const counts = new Map<string, number>()
  for (const { type } of events) if (type !== undefined) counts.set(type, (counts.get(type) ?? 0) + 1)
  const frequent = [...counts].sort(([, one], [, other]) => other - one).slice(0, maxTypes)
  return frequent.map(([type]) => type).sort()
}

const toggled = <A>(set: ReadonlySet<A>, member: A, isMember: boolean): ReadonlySet<A> => {
  const next = new Set(set)
  if (isMember) next.add(member)
  else next.delete(member)
  return next
}

/** Creates the controls for the events of some runs. */
export const make = (
  hosts: ReadonlyArray<string>,
  runs: ReadonlyArray<PageRun>,
  onChange: (filter: Filter) => void
): HTMLElement => {
  let filter: Filter = {
    hiddenHosts: new Set<string>(),
    hiddenKinds: new Set<Kind>(),
    type: "",
    hasFaultsOnly: false,
    text: ""
  }
  const change = (part: Partial<Filter>) => {
    filter = { ...filter, ...part }
    onChange(filter)
  }
  const events = runs.flatMap((run) => run.events)
  const kinds = new Set(events.map(({ kind }) => kind))
  const types = typesOf(events)
  const select = h(
    "select",
    { class: "field", "aria-label": "Kind of packet, log line or disk operation" },
    h("option", { value: "" }, "any kind"),
    types.map((type) => h("option", { value: type }, type))
  )
  select.addEventListener("change", () => change({ type: select.value }))
  const search = h("input", { class: "field", type: "search", placeholder: "text", "aria-label": "Text in events" })
  search.addEventListener("input", () => change({ text: search.value }))
  const kindBoxes = (Object.keys(Format.kindNames) as ReadonlyArray<keyof typeof Format.kindNames>)
    .filter((kind) => kinds.has(kind))
    .map((kind) =>
      checkBox(Format.kindNames[kind], true, (isShown) =>
        change({ hiddenKinds: toggled(filter.hiddenKinds, kind, !isShown) })
      )
    )
  const hostBoxes = hosts.map((host) =>
    checkBox(host, true, (isShown) => change({ hiddenHosts: toggled(filter.hiddenHosts, host, !isShown) }))
  )
  const group = (label: string, boxes: ReadonlyArray<HTMLElement>) =>
    h("fieldset", { class: "row" }, h("legend", {}, label), boxes)
  onChange(filter)
  return h(
    "details",
    { class: "filters", open: hosts.length <= openHosts && innerWidth > 640 },
    h("summary", {}, "Filter"),
    h(
      "div",
      { class: "row filter-box" },
      group("show", kindBoxes),
      group("hosts", hostBoxes),
      h(
        "div",
        { class: "row" },
        select,
        search,
        checkBox("faults only", false, (hasFaultsOnly) => change({ hasFaultsOnly }))
      )
    )
  )
}
