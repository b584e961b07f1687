/** The page in Chromium keeps nothing of what it no longer shows: elements and memory, after many changes. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { Browser } from "playwright-core"
import * as Chromium from "../../support/browser/Chromium.ts"
import * as MadeUpHub from "../../support/browser/MadeUpHub.ts"
import * as MadeUpPage from "../../support/browser/MadeUpPage.ts"
import * as MadeUpState from "../../support/browser/MadeUpState.ts"

/** Contents of a tab once its garbage is collected. */
interface Held {
  readonly heapBytes: number
  readonly nodes: number
}

const heldBy = async ({ debug }: Chromium.Tab): Promise<Held> => {
  for (let round = 0; round < 3; round++) await debug.send("HeapProfiler.collectGarbage")
  const { usedSize } = await debug.send("Runtime.getHeapUsage")
  const { nodes } = await debug.send("Memory.getDOMCounters")
  return { heapBytes: usedSize, nodes }
}

/** Number of changes before the first measurement: what is made once is there by then. */
const firstChanges = 40

/** Number of changes between both measurements. */
const changes = 60

describe.skipIf(!Chromium.isInstalled)("what the page keeps (skipped without Chromium)", () => {
  let browser: Browser

  beforeAll(async () => {
    browser = await Chromium.launch()
  })

  afterAll(() => browser?.close())

  /** Makes changes, and compares what is held after the first of them with what is held after all. */
  const checkHeld = async (route: string, change: (tab: Chromium.Tab, at: number) => Promise<void>) => {
    const served = await MadeUpPage.serve({ hub: MadeUpHub.make(MadeUpState.update) })
    const tab = await Chromium.open(browser, served.url)
    try {
      await MadeUpPage.visit(tab, served, route)
      await tab.page.locator("main h1").waitFor()
      const held: Array<Held> = []
      for (let at = 1; at <= firstChanges + changes; at++) {
        await change(tab, at)
        if (at === firstChanges || at === firstChanges + changes) held.push(await heldBy(tab))
      }
      const [before, after] = held as [Held, Held]
      const text = JSON.stringify({ before, after })
      // A change that keeps what was shown before it keeps hundreds of nodes, and hundreds of kB.
      assert.isAtMost(after.nodes - before.nodes, 10 * changes, text)
      assert.isAtMost(after.heapBytes - before.heapBytes, 20_000 * changes, text)
      assert.deepStrictEqual(tab.faults, [])
    } finally {
      await tab.close()
      await served.close()
    }
  }

  /** Waits until the run of the settings is drawn: until nothing changes any more. */
  const settle = (tab: Chromium.Tab) =>
    tab.evaluate<void>(`new Promise((resolve) => {
      const observer = new MutationObserver(() => { clearTimeout(timer); timer = setTimeout(end, 60) })
      const end = () => { observer.disconnect(); resolve() }
      let timer = setTimeout(end, 60)
      observer.observe(document.querySelector("main"), { subtree: true, childList: true, attributes: true })
    })`)

  it("keeps nothing of the earlier runs of the laboratory when its sliders are moved", () =>
    checkHeld("#/lab?protocol=tftp", async (tab, at) => {
      await tab.evaluate<void>(`void (() => {
        const slider = document.querySelector("main input[type=range]")
        slider.value = "${(at * 7) % 50}"
        slider.dispatchEvent(new Event("input", { bubbles: true }))
        slider.dispatchEvent(new Event("change", { bubbles: true }))
      })()`)
      await settle(tab)
    }))

  it("keeps nothing of the earlier runs of the laboratory when other links are opened", () => {
    const runs = ["protocol=stop-and-wait", "protocol=tftp&loss=30", "protocol=presence", "protocol=rot13"]
    return checkHeld("#/lab?protocol=tftp", async (tab, at) => {
      await tab.evaluate<void>(`void (location.hash = "#/lab?${runs[at % runs.length]}&seed=${at + 1}")`)
      await settle(tab)
    })
  })

  it("keeps nothing of the views that were shown before", () => {
    const routes = [
      "",
      "lab?protocol=tftp",
      "transfers",
      "peers",
      "packets/tftp",
      "play/board",
      "services/tftp",
      "farm"
    ]
    return checkHeld("#/", async (tab, at) => {
      await tab.evaluate<void>(`void (location.hash = "#/${routes[at % routes.length]}")`)
      await settle(tab)
    })
  })
})
