/** The start of the page in the browser. */
import { render } from "preact"
import { App } from "./App.tsx"
import * as Browser from "./Browser.ts"
import { PageProvider } from "./hooks.tsx"
import * as PageClient from "./PageClient.ts"

Browser.applyTheme(Browser.storedTheme())

const url = new URL("/rpc", location.href)
url.protocol = url.protocol === "https:" ? "wss:" : "ws:"
url.hash = ""

const token = Browser.takeToken()
const client = PageClient.make({ url: url.href, token, after: Browser.after })

// The link with a token, opened in a tab that shows the page already.
addEventListener("hashchange", () => {
  if (Browser.hasToken()) {
    Browser.takeToken()
    location.reload()
  }
})

render(
  <PageProvider client={client} hasToken={token !== ""}>
    <App />
  </PageProvider>,
  document.getElementById("page")!
)
