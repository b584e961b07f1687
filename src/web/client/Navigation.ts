/** The links of the header. The static shell in `index.html` has the same. Pure. */
import type * as PageState from "../PageState.ts"
import * as Route from "./Route.ts"

/** A link of the header. */
export interface Item {
  readonly route: Route.Route
  readonly label: string
  /** Number beside the link, of things that happen now. */
  readonly count: (snapshot: PageState.Snapshot) => number
}

const running = (rows: ReadonlyArray<{ readonly state: string }>, state: string) =>
  rows.filter((row) => row.state === state).length

const item = (route: Route.Route, count: Item["count"] = () => 0): Item => ({ route, label: Route.title(route), count })

/** The links of the header, in order. */
export const items: ReadonlyArray<Item> = [
  item({ page: "overview" }),
  item({ page: "connections" }, ({ connections }) => connections.rows.length + connections.omitted),
  item({ page: "transfers" }, ({ transfers }) => running(transfers.rows, "running")),
  item({ page: "peers" }, ({ peers }) => running(peers.rows, "alive")),
  item({ page: "farm" }, ({ farms }) => running(farms.rows, "running")),
  item({ page: "lab", query: "" })
]
