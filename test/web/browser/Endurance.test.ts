/** The page in Chromium under load and over a day: frames, drawings and memory, by counts and not by the clock. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { Browser } from "playwright-core"
import type * as PageState from "../../../src/web/PageState.ts"
import * as Chromium from "../../support/browser/Chromium.ts"
import * as MadeUpHub from "../../support/browser/MadeUpHub.ts"
import * as MadeUpPage from "../../support/browser/MadeUpPage.ts"
import * as MadeUpState from "../../support/browser/MadeUpState.ts"
import { views } from "../../support/browser/views.ts"

const { connections, services, transfers } = MadeUpState.update

/** State number `at`: other figures, clients and transfers each time. The first service has it as its restarts. */
const stateOf = (at: number, atMillis: number): PageState.Update => ({
  ...MadeUpState.update,
  atMillis,
  services: services.map((service, index) => ({
    ...service,
    restarts: index === 0 ? at : service.restarts,
    bytesSent: (service.bytesSent ?? 0) + 1_337 * at * (index + 1),
    bytesReceived: 211 * at,
    figures: service.figures.map((figure) => ({ ...figure, value: figure.value + (at % 97) }))
  })),
  connections: {
    rows: Array.from({ length: 50 }, (_, row) => ({
      ...connections.rows[row % connections.rows.length]!,
      id: at * 7 + row,
      remote: `10.${at % 256}.${row}.7:${40_000 + (at % 20_000)}`,
      sinceMillis: atMillis - row * 1_000
    })),
    omitted: at % 1_000
  },
  transfers: {
    rows: transfers.rows.map((transfer, row) => ({
      ...transfer,
      id: at + row,
      file: `file-${at}-${row}`,
      bytes: (at * 65_536) % 41_943_040
    })),
    omitted: 0
  }
})

describe.skipIf(!Chromium.isInstalled)("page over time (skipped without Chromium)", () => {
  let browser: Browser

  beforeAll(async () => {
    browser = await Chromium.launch()
  })

  afterAll(() => browser?.close())

  const withPage = async (
    route: string,
    use: (tab: Chromium.Tab, hub: MadeUpHub.MadeUpHub) => Promise<void>
  ): Promise<void> => {
    const hub = MadeUpHub.make(MadeUpState.update)
    const served = await MadeUpPage.serve({ hub })
    const tab = await Chromium.open(browser, served.url)
    try {
      await MadeUpPage.visit(tab, served, route)
      await views.find((view) => view.route === route)!.isShown(tab.page)
      await use(tab, hub)
      assert.deepStrictEqual(tab.faults, [])
    } finally {
      await tab.close()
      await served.close()
    }
  }

  it("draws at most once for each frame, however many updates come, and at last the newest", () =>
    withPage("#/", async (tab, hub) => {
      await tab.evaluate<void>(`void (() => {
        window.frames_ = 0
        window.drawings = 0
        const count = () => { window.frames_++; requestAnimationFrame(count) }
        requestAnimationFrame(count)
        new MutationObserver(() => { window.drawings++ }).observe(document.querySelector("main"), { subtree: true, childList: true, characterData: true, attributes: true })
      })()`)
      for (let at = 1; at <= 1_000; at++) {
        hub.push(stateOf(at, MadeUpState.atMillis + at))
        if (at % 25 === 0) await new Promise((resolve) => setImmediate(resolve))
      }
      await tab.page.locator("main").getByText("1,000 restarts").first().waitFor()
      const [frames, drawings] = await tab.evaluate<[number, number]>("[window.frames_, window.drawings]")
      // One more for each second of the clock.
      assert.isAtMost(drawings, frames + 30)
      assert.isAbove(drawings, 0)
    }))

  it("does not grow in a day of updates", () =>
    withPage("#/connections", async (tab, hub) => {
      const dayMillis = 86_400_000
      const steps = 720
      const used = async () => {
        // Elements that were removed are found by the first collection, and freed by a later one.
        for (let round = 0; round < 3; round++) await tab.debug.send("HeapProfiler.collectGarbage")
        const { usedSize } = await tab.debug.send("Runtime.getHeapUsage")
        const { nodes } = await tab.debug.send("Memory.getDOMCounters")
        return { heapBytes: usedSize, nodes }
      }
      const frame = () =>
        tab.evaluate<void>("new Promise((resolve) => requestAnimationFrame(() => resolve(undefined)))")
      const run = async (from: number, to: number) => {
        for (let at = from; at < to; at++) {
          hub.push(stateOf(at, MadeUpState.atMillis + Math.round((at * dayMillis) / steps)))
          if (at % 4 === 0) await frame()
          if (at % 90 === 0) {
            for (const route of ["#/", "#/transfers", "#/peers", "#/services/tftp", "#/connections"]) {
              await tab.evaluate<void>(`void (location.hash = "${route}")`)
              await frame()
            }
          }
        }
      }
      await run(1, steps / 4)
      const before = await used()
      await run(steps / 4, steps)
      const after = await used()
      assert.isAtMost(after.heapBytes - before.heapBytes, 1_500_000, JSON.stringify({ before, after }))
      assert.isAtMost(after.nodes, 1.2 * before.nodes, JSON.stringify({ before, after }))
    }))

  it("shows the newest state after it was frozen in the background", () =>
    withPage("#/", async (tab, hub) => {
      await tab.debug.send("Page.setWebLifecycleState", { state: "frozen" })
      for (let at = 1; at <= 50; at++) hub.push(stateOf(at, MadeUpState.atMillis + at))
      hub.push(stateOf(4_242, MadeUpState.atMillis + 60))
      await tab.debug.send("Page.setWebLifecycleState", { state: "active" })
      await tab.page.locator("main").getByText("4,242 restarts").first().waitFor()
    }))
})
