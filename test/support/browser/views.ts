/** The views of the page, with an address of each in the made-up state. */
import type { Page } from "playwright-core"

/** A view of the page. */
export interface View {
  readonly name: string
  /** The fragment of its address. */
  readonly route: string
  /** Waits until the view shows the made-up state. */
  readonly isShown: (page: Page) => Promise<void>
}

const text = (content: string | RegExp) => (page: Page) =>
  page.locator("main").getByText(content).first().waitFor({ state: "visible" })

/** All views, in the order of the header. */
export const views: ReadonlyArray<View> = [
  { name: "overview", route: "#/", isShown: text("127.0.0.1:1067") },
  { name: "service", route: "#/services/tftp", isShown: text("127.0.0.1:6969") },
  { name: "connections", route: "#/connections", isShown: text("192.168.7.21:40007") },
  { name: "transfers", route: "#/transfers", isShown: text("pxelinux.0") },
  { name: "peers", route: "#/peers", isShown: text("dennis") },
  { name: "farm", route: "#/farm", isShown: text("primes in 0..1e12") },
  { name: "board", route: "#/play/board", isShown: async (page) => page.getByRole("grid").waitFor() },
  { name: "hangman", route: "#/play/hangman", isShown: text(/tried/i) },
  { name: "guess", route: "#/play/guess", isShown: text("too large") },
  {
    name: "packets",
    route: "#/packets/tftp",
    isShown: async (page) => page.locator("main svg text", { hasText: "OACK" }).first().waitFor()
  },
  {
    name: "laboratory",
    route: "#/lab?protocol=stop-and-wait&seed=7&loss=20&delay=50",
    // The end of the run: the line of the present is drawn before it only.
    isShown: async (page) => page.locator("main .diagram svg:not(:has(.diagram-now))").waitFor()
  }
]
