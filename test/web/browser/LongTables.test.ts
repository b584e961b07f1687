/** Long tables of the page in Chromium: the first hundred rows, and all of them for those who ask. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { Browser } from "playwright-core"
import type * as PageState from "../../../src/web/PageState.ts"
import * as Chromium from "../../support/browser/Chromium.ts"
import * as Keys from "../../support/browser/Keys.ts"
import * as MadeUpHub from "../../support/browser/MadeUpHub.ts"
import * as MadeUpPage from "../../support/browser/MadeUpPage.ts"
import * as MadeUpState from "../../support/browser/MadeUpState.ts"

const [made] = MadeUpState.update.transfers.rows

/** Transfers that start one after the other: the last one is the first row. */
const transfers = (count: number, bytes = 0): PageState.Update => ({
  atMillis: MadeUpState.atMillis,
  transfers: {
    rows: Array.from({ length: count }, (_, id) => ({
      ...{ ...made!, id, bytes, file: `file-${id}`, state: "running" as const },
      startedMillis: MadeUpState.atMillis - 1_000 + id
    })),
    omitted: 0
  }
})

describe.skipIf(!Chromium.isInstalled)("long tables of the page (skipped without Chromium)", () => {
  let browser: Browser

  beforeAll(async () => {
    browser = await Chromium.launch()
  })

  afterAll(() => browser?.close())

  it("draw the first hundred rows, and by a button below all, while the view is open", async () => {
    const hub = MadeUpHub.make({ ...MadeUpState.update, ...transfers(200) })
    const served = await MadeUpPage.serve({ hub })
    const tab = await Chromium.open(browser, served.url)
    const { page } = tab
    const rows = page.locator("main tbody tr")
    const all = page.getByRole("button", { name: "Show all 200" })
    const first = page.getByRole("button", { name: "Show the first 100" })
    const filter = page.getByRole("searchbox")
    try {
      await MadeUpPage.visit(tab, served, "#/transfers")
      await all.waitFor()
      assert.strictEqual(await rows.count(), 100)
      assert.include(await rows.first().textContent(), "file-199")
      assert.include(await rows.last().textContent(), "file-100")

      await filter.fill("file-7")
      await page.getByText("file-77").waitFor()
      assert.strictEqual(await all.count(), 0, "eleven rows match, which are all drawn")
      await filter.fill("")
      await all.waitFor()

      await Keys.tabTo(tab, "Show all 200")
      await page.keyboard.press("Enter")
      await first.waitFor()
      assert.strictEqual(await rows.count(), 200)
      assert.strictEqual((await Keys.focused(tab)).name, "Show the first 100", "the focus stays")
      assert.deepStrictEqual(await tab.violations(), [])

      hub.push(transfers(200, 65_536))
      await page.getByText("65.5 kB").first().waitFor()
      assert.strictEqual(await rows.count(), 200)
      await filter.fill("no such file")
      await page.getByText("No transfer shown here matches.").waitFor()
      assert.isFalse(await page.locator("main table").isVisible())
      await filter.fill("")
      await first.waitFor()
      assert.strictEqual(await rows.count(), 200)

      await Keys.tabTo(tab, "Show the first 100")
      await page.keyboard.press("Enter")
      await all.waitFor()
      assert.strictEqual(await rows.count(), 100)
      hub.push(transfers(100))
      await all.waitFor({ state: "detached" })
      assert.strictEqual(await rows.count(), 100)
      assert.deepStrictEqual(tab.faults, [])
    } finally {
      await tab.close()
      await served.close()
    }
  })
})
