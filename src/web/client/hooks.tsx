/** Hooks of views: the state of the page, its client, the address and the time. */
import { type ComponentChildren, createContext } from "preact"
import { useContext, useEffect, useMemo, useState } from "preact/hooks"
import type * as PageState from "../PageState.ts"
import * as Browser from "./Browser.ts"
import type * as PageClient from "./PageClient.ts"
import * as Route from "./Route.ts"
import * as Store from "./Store.ts"
import type * as Traffic from "./Traffic.ts"
import * as Words from "./Words.ts"

/** The state of the page, for views. */
export interface Page {
  readonly snapshot: PageState.Snapshot
  readonly status: PageClient.Status
  /** `hasControl`: the process takes control. `isAllowed`: this browser has the token for it. */
  readonly control: { readonly hasControl: boolean; readonly isAllowed: boolean; readonly isReadOnly?: boolean }
  /** Why the token of this tab gives no control; undefined without a token, or if it does. */
  readonly tokenProblem: string | undefined
  /** The process's time now, in milliseconds since 1970. */
  readonly atMillis: number
  /** The process's time at its latest update; 0 before the first one. */
  readonly updatedMillis: number
  readonly version: string
  /** True if the process has been replaced by another version than the page was loaded from. */
  readonly isOutdated: boolean
  /** The lists that have a place on the page. */
  readonly lists: ReadonlySet<Store.ListName>
  /** Traffic by name of the service. */
  readonly traffic: ReadonlyMap<string, Traffic.Traffic>
}

const PageContext = createContext<Page | undefined>(undefined)
const ClientContext = createContext<PageClient.PageClient | undefined>(undefined)

const provided = <A,>(value: A | undefined): A => {
  if (value === undefined) throw new Error("a hook of the page outside of PageProvider")
  return value
}

/** Returns the state of the page. The view is drawn again with each change, and each second. */
export const usePage = (): Page => provided(useContext(PageContext))

/** Returns the connection to the process. */
export const useClient = (): PageClient.PageClient => provided(useContext(ClientContext))

/** Watches the process. Changes are applied at once and drawn with the next frame: at most one drawing for each. */
const useStore = (client: PageClient.PageClient): Store.State => {
  const [shown, show] = useState(Store.initial)
  useEffect(() => {
    let state = Store.initial
    let frame: number | undefined
    const step = (event: Store.Event) => {
      state = Store.step(state, event)
      frame ??= requestAnimationFrame(() => {
        frame = undefined
        show(state)
      })
    }
    const stop = client.watch({
      update: (update) => step({ _tag: "Update", update, nowMillis: Browser.nowMillis() }),
      status: (status) => step({ _tag: "Status", status }),
      about: (about) => step({ _tag: "About", about })
    })
    return () => {
      stop()
      if (frame !== undefined) cancelAnimationFrame(frame)
    }
  }, [client])
  return shown
}

/** Draws the caller again each second, while the page can be seen. */
const useSeconds = (): void => {
  const [, redraw] = useState(0)
  useEffect(() => Browser.everyVisible(1_000, () => redraw((count) => count + 1)), [])
}

/** Watches the process for all views inside. */
export const PageProvider = (props: {
  readonly client: PageClient.PageClient
  /** True if this tab has a token, valid or not. */
  readonly hasToken: boolean
  readonly children: ComponentChildren
}) => {
  const state = useStore(props.client)
  useSeconds()
  const page: Page = {
    snapshot: state.snapshot,
    status: state.status,
    control: state.about,
    tokenProblem: Words.tokenProblem({ ...state.about, hasToken: props.hasToken }),
    atMillis: Browser.nowMillis() + state.clockOffsetMillis,
    updatedMillis: state.updatedMillis,
    version: state.about.version,
    isOutdated: Store.isOutdated(state),
    lists: Store.shownLists(state),
    traffic: state.traffic
  }
  return (
    <ClientContext.Provider value={props.client}>
      <PageContext.Provider value={page}>{props.children}</PageContext.Provider>
    </ClientContext.Provider>
  )
}

/** Returns the address of the page, parsed. */
export const useRoute = (): Route.Route => {
  const [hash, setHash] = useState(() => location.hash)
  useEffect(() => {
    const read = () => setHash(location.hash)
    addEventListener("hashchange", read)
    read()
    return () => removeEventListener("hashchange", read)
  }, [])
  return useMemo(() => Route.parse(hash), [hash])
}
