/** Details of the selected event, and the states of the hosts after it. */
import type { PageEvent, PageRun } from "../../../simulation/explain/html/PageData.ts"
import { type Child, h } from "./Dom.ts"
import * as Format from "./Format.ts"
import * as Rows from "./Rows.ts"

const field = (name: string, value: Child) => (value === undefined ? [] : [h("dt", {}, name), h("dd", {}, value)])

/** Shows bytes in hexadecimal digits and as text, marked where `other` differs. */
const dump = (bytes: Uint8Array, other: Uint8Array | undefined): HTMLElement =>
  h(
    "pre",
    { class: "dump", tabindex: 0, role: "region", "aria-label": "Bytes of the packet" },
    Format.dump(bytes, other).map(({ bytes, offset, text }) => {
      const digits = bytes.flatMap(
        ([hex, isDifferent]): ReadonlyArray<Child> => [isDifferent ? h("mark", {}, hex) : hex, " "]
      )
      const padding = "   ".repeat(Format.bytesPerLine - bytes.length)
      return [h("span", { class: "muted" }, `${offset}  `), ...digits, padding, ` ${text}\n`]
    })
  )

const payload = ({ bytes, kind, size = 0 }: PageEvent, other: PageEvent | undefined): ReadonlyArray<Child> => {
  if (kind !== "packet" || size === 0) return []
  if (bytes === undefined) {
    return [
      h("p", { class: "muted" }, `${Format.count(size, "byte")}, not in this page; SIM_CAPTURE=FILE writes all packets`)
    ]
  }
  const decoded = Format.bytesOf(bytes)
  const otherBytes = other === undefined ? undefined : Format.bytesOf(other.bytes ?? "")
  const rest = size - decoded.length
  const more = rest > 0 ? [h("p", { class: "muted" }, `${Format.count(rest, "more byte")} not in this page`)] : []
  return [h("h3", {}, `Payload, ${Format.count(size, "byte")}`), dump(decoded, otherBytes), ...more]
}

/** Shows a text in lines, with those marked that are new. */
const lines = (before: string | undefined, content: string, label: string): HTMLElement =>
  h(
    "pre",
    { class: "content", tabindex: 0, role: "region", "aria-label": label },
    Rows.changedLines(before, content).map(([line, isNew]) => (isNew ? h("mark", {}, `${line}\n`) : `${line}\n`))
  )

const packetHosts = ({ host, to }: PageEvent) => `${host} to ${to ?? "no host of the run"}`

/** Shows an event; `other` is the one of another run that it is compared with. */
export const event = (shown: PageEvent, other?: PageEvent): HTMLElement => {
  const { arrives, at, content, detail, fault, host, isLost, kind, text, type } = shown
  const isPacket = kind === "packet"
  const arrival =
    arrives === undefined ? undefined : `${Format.seconds(arrives)} s, after ${Format.duration(arrives - at)}`
  return h(
    "section",
    { class: "panel stack", "aria-labelledby": "event-heading" },
    h("h2", { id: "event-heading" }, text),
    h(
      "dl",
      { class: "fields" },
      field("time", `${Format.seconds(at)} s`),
      field(isPacket ? "hosts" : "host", isPacket ? packetHosts(shown) : (host ?? "scenario")),
      field(isPacket ? "kind" : kind, type),
      field(isPacket ? "packet" : "detail", detail),
      field("fault", fault === undefined ? undefined : h("strong", { class: "bad" }, fault)),
      field("arrives", isLost === true ? "never" : arrival)
    ),
    payload(shown, other),
    content === undefined || kind === "state" ? undefined : lines(undefined, content, "Whole message")
  )
}

const stateOf = (state: Rows.State, selected: number): HTMLElement => {
  const { before, content, event, host, label } = state
  const text = content === undefined ? "(not in this page)" : Rows.pretty(content)
  const isNow = event === selected
  const name = `${host ?? "scenario"}: ${label}`
  const summary = h(
    "summary",
    {},
    h("strong", {}, host ?? "scenario"),
    ` ${label}`,
    isNow ? h("span", { class: "bad" }, " changes here") : undefined
  )
  const old = before === undefined ? undefined : Rows.pretty(before)
  return h("details", { open: isNow || text.length < 400 }, summary, lines(isNow ? old : undefined, text, name))
}

/** Shows the states of all hosts after an event of a run; undefined if the run has none. */
export const states = ({ events }: PageRun, selected: number): HTMLElement | undefined => {
  if (!events.some(({ kind }) => kind === "state")) return undefined
  const found = Rows.statesAt(events, selected)
  const time = Format.seconds(events[selected]?.at ?? 0)
  return h(
    "section",
    { class: "panel stack", "aria-labelledby": "states-heading" },
    h("h2", { id: "states-heading" }, `State at ${time} s`),
    found.length === 0
      ? h("p", { class: "muted" }, "No state is known yet.")
      : found.map((state) => stateOf(state, selected))
  )
}

/** Shows what hosts that are not up do after an event; undefined if all are up. */
export const conditions = ({ events }: PageRun, selected: number): HTMLElement | undefined => {
  const notUp = [...Rows.conditionsAt(Rows.conditionsOf(events), selected)].filter(
    ([, condition]) => condition !== "up"
  )
  if (notUp.length === 0) return undefined
  const text = notUp.map(([host, condition]) => `${host} is ${condition}`).join(", ")
  return h("p", { class: "panel bad" }, text)
}
