/** The frame of the page: header, state of the connection, the view of the address, and footer. */
import { useEffect, useRef } from "preact/hooks"
import { Brand } from "./Brand.tsx"
import { usePage, useRoute } from "./hooks.tsx"
import * as Navigation from "./Navigation.ts"
import { Boundary } from "./parts/Boundary.tsx"
import { ConnectionState } from "./parts/ConnectionState.tsx"
import { Lazy } from "./parts/Lazy.tsx"
import { Notice } from "./parts/Notice.tsx"
import { ThemeSwitch } from "./parts/ThemeSwitch.tsx"
import * as Route from "./Route.ts"
import { ConnectionsView } from "./views/ConnectionsView.tsx"
import { FarmView } from "./views/FarmView.tsx"
import { OverviewView } from "./views/OverviewView.tsx"
import { PeersView } from "./views/PeersView.tsx"
import { ServiceView } from "./views/ServiceView.tsx"
import { TransfersView } from "./views/TransfersView.tsx"
import * as Words from "./Words.ts"

const Header = ({ route }: { readonly route: Route.Route }) => {
  const { lists, snapshot } = usePage()
  return (
    <header class="top">
      <Brand href="#/" />
      <nav class="nav" aria-label="Pages">
        <ul>
          {Navigation.shownItems(lists, route).map((item) => {
            const { label } = item
            const number = item.count(snapshot)
            return (
              <li key={label}>
                <a href={Route.format(item.route)} aria-current={Navigation.currentOf(item, route)}>
                  {label}
                  {number > 0 && <span class="nav-count">{number}</span>}
                </a>
              </li>
            )
          })}
        </ul>
      </nav>
      <div class="top-end">
        <ConnectionState />
        <ThemeSwitch />
      </div>
    </header>
  )
}

const loadPlay = () => import("./games/GameView.tsx").then(({ PlayView }) => PlayView)
const loadPackets = () => import("./packets/PacketsView.tsx").then(({ PacketsView }) => PacketsView)
const loadLab = () => import("./lab/MountedLab.tsx").then(({ MountedLab }) => MountedLab)

const Missing = ({ path }: { readonly path: string }) => (
  <section class="stack">
    <h1>Not found</h1>
    <p class="wrap">
      Nothing is shown at <bdi class="mono">{Route.short(path)}</bdi>.
    </p>
    <p>
      <a href="#/">Go to the overview</a>
    </p>
  </section>
)

const View = ({ route }: { readonly route: Route.Route }) => {
  switch (route.page) {
    case "overview":
      return <OverviewView />
    case "service":
      return <ServiceView name={route.service} />
    case "connections":
      return <ConnectionsView />
    case "transfers":
      return <TransfersView />
    case "peers":
      return <PeersView />
    case "farm":
      return <FarmView />
    case "play":
      return <Lazy load={loadPlay} props={{ service: route.service }} />
    case "packets":
      return <Lazy load={loadPackets} props={{ service: route.service }} />
    case "lab":
      return <Lazy load={loadLab} props={{}} />
    case "missing":
      return <Missing path={route.path} />
  }
}

/** Moves the focus to the heading of a new view, so that readers of the screen hear it, and scrolls to its top. */
const useArrival = (key: string, title: string) => {
  const isFirst = useRef(true)
  useEffect(() => {
    document.title = `${title} · effect-inet`
  }, [title])
  useEffect(() => {
    document.querySelector(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" })
    if (isFirst.current) {
      isFirst.current = false
      return
    }
    const heading = document.querySelector<HTMLElement>("#main h1") ?? document.getElementById("main")
    heading?.setAttribute("tabindex", "-1")
    heading?.focus({ preventScroll: true })
    scrollTo(0, 0)
  }, [key])
}

const skip = () => {
  const main = document.getElementById("main")
  main?.setAttribute("tabindex", "-1")
  main?.focus()
}

const Footer = () => {
  const { control, version } = usePage()
  return (
    <footer class="foot muted small">
      <span>{version === "" ? "effect-inet" : `effect-inet ${version}`}</span>
      {version !== "" && <ControlState {...control} />}
    </footer>
  )
}

const ControlState = (props: ReturnType<typeof usePage>["control"]) => {
  if (props.isReadOnly) return <span>Read-only: there is nothing here to play or to restart</span>
  if (props.isAllowed) return <span>Control: this tab may play and restart services</span>
  if (props.hasControl)
    return <span>Read-only: open the link that the process printed, to play and to restart services</span>
  return (
    <span>
      Read-only: start the process with <code>--control</code> to play and to restart services
    </span>
  )
}

/** Marks the title of the tab, so that trouble is seen while another tab is open. */
const useAlert = (): string => {
  const { snapshot, status } = usePage()
  return status === "lost" || Words.headline(snapshot.services).tone === "bad" ? "\u26a0 " : ""
}

/** The whole page. */
export const App = () => {
  const route = useRoute()
  const { status } = usePage()
  const key = Route.keyOf(route)
  useArrival(key, `${useAlert()}${Route.title(route)}`)
  // The laboratory needs no process: what it shows stays true.
  const isStale = status === "lost" && route.page !== "lab"
  return (
    <>
      <button type="button" class="skip" onClick={skip}>
        Skip to the content
      </button>
      <Header route={route} />
      <main id="main" class={isStale ? "main stale" : "main"}>
        <Notice />
        <Boundary key={key}>
          <View route={route} />
        </Boundary>
      </main>
      <Footer />
    </>
  )
}
