/** The links of the header. The static shell in `index.html` has the same. Pure. */
import type * as PageState from "../PageState.ts"
import * as TransferTotals from "../TransferTotals.ts"
import * as Route from "./Route.ts"
import type { ListName } from "./Store.ts"

/** A link of the header. */
export interface Item {
  readonly route: Route.Route
  readonly label: string
  /** The list that its view shows; absent for views that are always there. */
  readonly list?: ListName | undefined
  /** Number beside the link, of things that happen now. */
  readonly count: (snapshot: PageState.Snapshot) => number
}

const running = (rows: ReadonlyArray<{ readonly state: string }>, state: string) =>
  rows.filter((row) => row.state === state).length

const item = (route: Route.Route, list?: ListName, count: Item["count"] = () => 0): Item => ({
  route,
  label: Route.title(route),
  list,
  count
})

/** The links of the header, in order. */
export const items: ReadonlyArray<Item> = [
  item({ page: "overview" }),
  item({ page: "connections" }, "connections", ({ connections }) => connections.rows.length + connections.omitted),
  item({ page: "transfers" }, "transfers", ({ transfers }) => TransferTotals.of(transfers).running),
  item({ page: "peers" }, "peers", ({ peers }) => running(peers.rows, "alive")),
  item({ page: "farm" }, "farms", ({ farms }) => running(farms.rows, "running")),
  item({ page: "lab", query: "" })
]

/** Mark of a link: the page that is shown, the one above it, or neither. */
export const currentOf = ({ route }: Item, shown: Route.Route): "page" | "true" | undefined => {
  if (Route.keyOf(route) === Route.keyOf(shown)) return "page"
  // Services, their games and their packets are reached from the overview.
  return route.page === "overview" && "service" in shown ? "true" : undefined
}

/** Returns the links for the lists that have a place on the page, and that of the page that is shown. */
export const shownItems = (lists: ReadonlySet<ListName>, shown: Route.Route): ReadonlyArray<Item> =>
  items.filter((one) => one.list === undefined || lists.has(one.list) || currentOf(one, shown) === "page")
