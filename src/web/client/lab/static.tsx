/** The laboratory as a page of its own, which needs no server and opens from a file. */
import { render } from "preact"
import { Brand } from "../Brand.tsx"
import * as Browser from "../Browser.ts"
import { ThemeSwitch } from "../parts/ThemeSwitch.tsx"
import { LabView } from "./LabView.tsx"

const StaticPage = () => (
  <>
    <header class="top lab-top">
      <Brand href="https://github.com/effect-inet/effect-inet" />
      <span class="muted lab-tagline">Network protocols, packet by packet</span>
      <div class="top-end">
        <ThemeSwitch />
      </div>
    </header>
    <main id="main" class="main">
      <LabView />
    </main>
    <footer class="foot muted small">
      <span>The protocols run in this browser, on a simulated network in virtual time. Nothing is sent.</span>
    </footer>
  </>
)

Browser.applyTheme(Browser.storedTheme())
render(<StaticPage />, document.getElementById("page")!)
