/** The state of the page: the latest sections, the connection, and the traffic of each service over time. Pure. */
import type * as PageState from "../PageState.ts"
import type * as PageClient from "./PageClient.ts"
import * as Traffic from "./Traffic.ts"

/** A list of a snapshot. */
export type ListName = Exclude<keyof PageState.Snapshot, "services">

const listNames: ReadonlyArray<ListName> = ["connections", "transfers", "peers", "farms"]

/** The state of the page. */
export interface State {
  readonly snapshot: PageState.Snapshot
  readonly status: PageClient.Status
  readonly about: PageClient.About
  /** Version of the process that the page was loaded from; another one may need another page. */
  readonly firstVersion: string
  /** Time of the process minus time of the browser. */
  readonly clockOffsetMillis: number
  /** Time of the process at the latest update; 0 before the first one. */
  readonly updatedMillis: number
  /** The lists that have had a row since the page was opened. */
  readonly seen: ReadonlySet<ListName>
  /** Traffic by name of the service. */
  readonly traffic: ReadonlyMap<string, Traffic.Traffic>
  /** True until the first services after a connection: bytes since the last ones have no known time. */
  readonly isResuming: boolean
}

/** An event of the page. `nowMillis` is the browser's time. */
export type Event =
  | { readonly _tag: "Update"; readonly update: PageState.Update; readonly nowMillis: number }
  | { readonly _tag: "Status"; readonly status: PageClient.Status }
  | { readonly _tag: "About"; readonly about: PageClient.About }

const noRows = { rows: [], omitted: 0 }

/** The state of a process without services. That of `PageState` would bring its schemas to the page. */
const empty: PageState.Snapshot = {
  services: [],
  connections: noRows,
  transfers: noRows,
  peers: noRows,
  farms: noRows
}

/** The state before the first connection. */
export const initial: State = {
  snapshot: empty,
  status: "connecting",
  about: { version: "", hasControl: false, isAllowed: false },
  firstVersion: "",
  clockOffsetMillis: 0,
  updatedMillis: 0,
  seen: new Set(),
  traffic: new Map(),
  isResuming: true
}

/** Returns the traffic after an update, of the services that it names. One that starts again keeps its chart. */
const nextTraffic = (
  before: State["traffic"],
  services: ReadonlyArray<PageState.Service>,
  atMillis: number,
  isResuming: boolean
): State["traffic"] => {
  const after = new Map<string, Traffic.Traffic>()
  for (const { bytesReceived, bytesSent, name } of services) {
    const known = before.get(name)
    if (bytesReceived === undefined && bytesSent === undefined) {
      if (known !== undefined) after.set(name, known)
      continue
    }
    const totals = { received: bytesReceived ?? 0, sent: bytesSent ?? 0 }
    if (known === undefined) after.set(name, Traffic.make(atMillis, totals))
    else after.set(name, isResuming ? Traffic.rebase(known, totals) : Traffic.add(known, atMillis, totals))
  }
  return after
}

/** Adds the lists that have rows. Returns the same set if all of them were seen. */
const nextSeen = (seen: State["seen"], snapshot: PageState.Snapshot): State["seen"] => {
  const added = listNames.filter((name) => !seen.has(name) && snapshot[name].rows.length + snapshot[name].omitted > 0)
  return added.length === 0 ? seen : new Set([...seen, ...added])
}

const update = (state: State, { update, nowMillis }: Extract<Event, { _tag: "Update" }>): State => {
  const { atMillis, ...sections } = update
  const { services } = update
  const snapshot = { ...state.snapshot, ...sections }
  return {
    ...state,
    snapshot,
    seen: nextSeen(state.seen, snapshot),
    clockOffsetMillis: atMillis - nowMillis,
    updatedMillis: atMillis,
    traffic: services === undefined ? state.traffic : nextTraffic(state.traffic, services, atMillis, state.isResuming),
    isResuming: state.isResuming && services === undefined
  }
}

/** Returns the state after an event. */
export const step = (state: State, event: Event): State => {
  switch (event._tag) {
    case "Update":
      return update(state, event)
    case "Status":
      return { ...state, status: event.status, isResuming: state.isResuming || event.status !== "live" }
    case "About":
      return { ...state, about: event.about, firstVersion: state.firstVersion || event.about.version }
  }
}

/**
 * Returns the lists that have a place on the page. A process of one service has those that had a row: others, such as
 * the transfers of a service without files, may never have one.
 */
export const shownLists = ({ seen, snapshot }: State): ReadonlySet<ListName> =>
  snapshot.services.length === 1 ? seen : new Set(listNames)

/** Tests if the process has been replaced by another version than the page was loaded from. */
export const isOutdated = ({ about, firstVersion }: State): boolean => about.version !== firstVersion
