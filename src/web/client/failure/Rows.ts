/** Rows of a timeline: which events it shows, and what hosts and states are at each. Pure. */
import type { Kind, PageEvent } from "../../../simulation/explain/html/PageData.ts"

/** Choice of the events to show. */
export interface Filter {
  readonly hiddenHosts: ReadonlySet<string>
  readonly hiddenKinds: ReadonlySet<Kind>
  /** Word of a dissector, kind of a packet, level or operation; empty for all. */
  readonly type: string
  readonly hasFaultsOnly: boolean
  /** Text in any field, in any case; empty for all. */
  readonly text: string
  /** Virtual nanoseconds, both ends included. */
  readonly from: number
  readonly to: number
}

/** Tests if an event happened at a host that is shown; what is of all hosts always does. */
const isOfShownHost = ({ host, to }: PageEvent, hidden: ReadonlySet<string>) =>
  hidden.size === 0 || host === undefined || !hidden.has(host) || (to !== undefined && !hidden.has(to))

const hasText = (event: PageEvent, text: string) =>
  [event.text, event.detail, event.content, event.host, event.to].some((field) => field?.toLowerCase().includes(text))

/** Returns the positions of the events that a filter lets through. */
export const select = (events: ReadonlyArray<PageEvent>, filter: Filter): ReadonlyArray<number> => {
  const text = filter.text.trim().toLowerCase()
  const found: Array<number> = []
  for (const [at, event] of events.entries()) {
    if (event.at < filter.from || event.at > filter.to || filter.hiddenKinds.has(event.kind)) continue
    if (filter.hasFaultsOnly && event.isFault !== true) continue
    if (filter.type !== "" && event.type !== filter.type) continue
    if (!isOfShownHost(event, filter.hiddenHosts)) continue
    if (text === "" || hasText(event, text)) found.push(at)
  }
  return found
}

/** Returns the number of rows that begin before a time: rows are in the order of their times. */
export const rowsBefore = (events: ReadonlyArray<PageEvent>, rows: ReadonlyArray<number>, time: number): number => {
  let [low, high] = [0, rows.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (events[rows[middle]!]!.at < time) low = middle + 1
    else high = middle
  }
  return low
}

/** Returns the row that shows an event, or the nearest one before it. */
export const rowOf = (rows: ReadonlyArray<number>, event: number): number => {
  let [low, high] = [0, rows.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (rows[middle]! <= event) low = middle + 1
    else high = middle
  }
  return Math.max(0, low - 1)
}

/** A state, as the last event of it says. */
export interface State {
  /** Undefined for the scenario. */
  readonly host: string | undefined
  readonly label: string
  /** Position of the event. */
  readonly event: number
  /** Content before this event; undefined for the first one. */
  readonly before: string | undefined
  readonly content: string | undefined
}

/** Returns the states after an event, in the order of their hosts and names. */
export const statesAt = (events: ReadonlyArray<PageEvent>, event: number): ReadonlyArray<State> => {
  const states = new Map<string, State>()
  for (let at = 0; at <= event && at < events.length; at++) {
    const { content, host, kind, label = "" } = events[at]!
    if (kind !== "state") continue
    const key = `${host ?? ""}\n${label}`
    states.set(key, { host, label, event: at, before: states.get(key)?.content, content })
  }
  return [...states].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, state]) => state)
}

/** Condition of a host. */
export type Condition = "up" | "down" | "paused"

const conditions: Readonly<Record<string, Condition>> = {
  start: "up",
  restart: "up",
  resume: "up",
  crash: "down",
  pause: "paused"
}

/** Changes of the conditions of hosts, in order. */
export type Conditions = ReadonlyArray<{
  readonly event: number
  readonly host: string
  readonly condition: Condition
}>

/** Returns the changes of the conditions of all hosts. */
export const conditionsOf = (events: ReadonlyArray<PageEvent>): Conditions =>
  events.flatMap(({ change, host, kind }, event) => {
    const condition = conditions[change ?? ""]
    return kind === "host" && host !== undefined && condition !== undefined ? [{ event, host, condition }] : []
  })

/** Returns the condition of each host after an event; a host without one is up. */
export const conditionsAt = (changes: Conditions, event: number): ReadonlyMap<string, Condition> => {
  const found = new Map<string, Condition>()
  for (const change of changes) {
    if (change.event > event) break
    found.set(change.host, change.condition)
  }
  return found
}

/** Formats a JSON text in lines; another text stays as it is. */
export const pretty = (text: string): string => {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2)
  } catch {
    return text
  }
}

/** Returns the lines of a text, each with whether the text before does not have it. */
export const changedLines = (
  before: string | undefined,
  text: string
): ReadonlyArray<readonly [line: string, isNew: boolean]> => {
  const known = new Set((before ?? text).split("\n"))
  return text.split("\n").map((line) => [line, !known.has(line)])
}
