/** Script of the page of a failed run. It reads the data that the page holds, and needs nothing else. */
import type { PageData, PageRun } from "../../../simulation/explain/html/PageData.ts"
import * as Details from "./Details.ts"
import * as Difference from "./Difference.ts"
import { button, type Child, h, segments } from "./Dom.ts"
import * as Filters from "./Filters.ts"
import * as Format from "./Format.ts"
import * as Timeline from "./Timeline.ts"

const data = JSON.parse(document.getElementById("data")?.textContent ?? "") as PageData

const field = (name: string, value: Child) => [h("dt", {}, name), h("dd", {}, value)]

const copyButton = (text: string) => {
  const status = h("span", { class: "muted small", role: "status" })
  const copy = button("Copy", () => {
    navigator.clipboard.writeText(text).then(
      () => status.replaceChildren("copied"),
      () => status.replaceChildren("not allowed here: select the text")
    )
  })
  return [copy, status]
}

const header = ({ command, input, plan, reason, runs, seed }: PageData): HTMLElement => {
  const [first = "", ...more] = reason.split("\n")
  const { endNanos, total } = runs[0]!
  const size = `${Format.count(total, "event")} in ${Format.seconds(endNanos)} s`
  return h(
    "header",
    { class: "stack" },
    h("h1", { class: "wrap" }, first),
    more.join("").trim() === ""
      ? undefined
      : h("pre", { class: "content", tabindex: 0, role: "region", "aria-label": "Reason" }, more.join("\n")),
    h(
      "dl",
      { class: "fields" },
      field("run", size),
      field("seed", `${seed}`),
      field("faults", h("code", { class: "wrap" }, plan === "" ? "none" : plan)),
      input === undefined ? undefined : field("input", h("code", { class: "wrap" }, input)),
      field("replay", [h("code", { class: "wrap" }, command), " ", copyButton(command)])
    )
  )
}

/** Shows the runs of the page, each as a timeline, and their difference. */
const start = ({ difference, hosts, runs }: PageData): void => {
  let filter: Filters.Filter | undefined
  let run: PageRun = runs[0]!
  const details = h("div", { class: "stack details" })
  const timeline = Timeline.make(hosts, (selected) => {
    const event = run.events[selected]
    if (event === undefined) return
    details.replaceChildren(
      ...[Details.event(event), Details.conditions(run, selected), Details.states(run, selected)].filter(
        (part) => part !== undefined
      )
    )
  })
  const filters = Filters.make(hosts, runs, (wanted) => {
    filter = wanted
    timeline.show(run, filter)
  })
  const faultButtons = h(
    "div",
    { class: "row" },
    button("Previous fault", () => timeline.toFault(-1)),
    button("Next fault", () => timeline.toFault(1)),
    h("span", { class: "muted small keys" }, "in the list: arrows, n and p for faults, + − 0 to zoom")
  )
  const timelineView = h(
    "section",
    { class: "stack", "aria-label": "Timeline" },
    filters,
    faultButtons,
    timeline.element
  )
  const compared =
    difference === undefined
      ? undefined
      : Difference.make(difference, [runs[0]!, runs[1]!], (one, other) => {
          const parts = [one && Details.event(one, other), other && Details.event(other, one)]
          for (const id of parts[0] && parts[1] ? ["event-heading"] : []) {
            // Two events beside each other have two headings.
            const heading = parts[1]!.querySelector(`#${id}`)!
            heading.id = "other-event-heading"
            parts[1]!.setAttribute("aria-labelledby", heading.id)
          }
          details.replaceChildren(...parts.filter((part) => part !== undefined))
        })
  const view = h("div", { class: "stack view" })
  const show = (name: string) => {
    const isDifference = name === "difference"
    view.replaceChildren(isDifference ? compared!.element : timelineView)
    if (isDifference) return compared!.refresh()
    run = runs[Number(name)]!
    timeline.show(run, filter!)
    timeline.select(Math.max(0, run.events.length - 1))
  }
  const choices = [
    ...runs.map(({ name }, at) => [`${at}`, name] as const),
    ...(compared === undefined ? [] : [["difference", "difference"] as const])
  ]
  const tabs = choices.length > 1 ? segments("View", choices, "0", show) : undefined
  document
    .getElementById("page")!
    .replaceChildren(
      h(
        "main",
        { class: "failure stack" },
        ...[header(data), tabs].filter((part) => part !== undefined),
        h("div", { class: "columns" }, view, details)
      )
    )
  show("0")
}

start(data)
