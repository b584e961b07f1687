/** Every view of the page in Chromium: in both themes and on a phone, without faults, violations and surprises. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { Browser } from "playwright-core"
import * as Chromium from "../../support/browser/Chromium.ts"
import * as MadeUpHub from "../../support/browser/MadeUpHub.ts"
import * as MadeUpPage from "../../support/browser/MadeUpPage.ts"
import * as MadeUpState from "../../support/browser/MadeUpState.ts"
import * as Screenshot from "../../support/browser/Screenshot.ts"
import { views } from "../../support/browser/views.ts"

const looks = [
  { name: "light", window: "desktop", theme: "light" },
  { name: "dark", window: "desktop", theme: "dark" },
  { name: "phone", window: "phone", theme: "light" }
] as const

/** Columns of the page that the window does not show. */
const excess = ({ evaluate }: Chromium.Tab) =>
  evaluate<number>("document.documentElement.scrollWidth - document.documentElement.clientWidth")

describe.skipIf(!Chromium.isInstalled)("views of the page (skipped without Chromium)", () => {
  let browser: Browser
  let served: MadeUpPage.MadeUpPage

  beforeAll(async () => {
    browser = await Chromium.launch()
    served = await MadeUpPage.serve({ hub: MadeUpHub.make(MadeUpState.update), hasControl: true })
  })

  afterAll(async () => {
    await served?.close()
    await browser?.close()
  })

  const open = async (options: Chromium.TabOptions) => {
    const tab = await Chromium.open(browser, served.url, options)
    await tab.page.clock.setFixedTime(MadeUpState.atMillis)
    return tab
  }

  describe.each(looks)("$name", ({ name, theme, window }) => {
    let tab: Chromium.Tab

    beforeAll(async () => {
      tab = await open({ theme, window })
    })

    afterAll(() => tab?.close())

    it.each(views)("$name is shown without fault or violation", async ({ isShown, name: view, route }) => {
      tab.faults.splice(0)
      await MadeUpPage.visit(tab, served, route)
      await isShown(tab.page)
      assert.deepStrictEqual(tab.faults, [])
      assert.deepStrictEqual(await tab.violations(), [])
      assert.isAtMost(await excess(tab), 0, "the page scrolls sideways")
      const verdict = await Screenshot.check(browser, tab, `${view}-${name}`)
      assert.notStrictEqual(verdict._tag, "Different", JSON.stringify(verdict))
    })
  })

  it("every view fits into 320 pixels", async () => {
    const tab = await open({ window: "narrow" })
    try {
      for (const { isShown, route } of views) {
        await MadeUpPage.visit(tab, served, route)
        await isShown(tab.page)
        assert.isAtMost(await excess(tab), 0, route)
      }
    } finally {
      await tab.close()
    }
  })

  it("the first paint needs no script, and says what is missing without", async () => {
    const context = await browser.newContext({ javaScriptEnabled: false })
    try {
      const page = await context.newPage()
      const requests: Array<string> = []
      page.on("request", (request) => requests.push(request.resourceType()))
      await page.goto(`${served.url}/`)
      await page.getByRole("link", { name: "Laboratory" }).waitFor()
      await page.getByText(/needs JavaScript/).waitFor()
      assert.isFalse(await page.getByText(/^Connecting to/).isVisible())
      assert.deepStrictEqual(
        requests.filter((type) => type === "document" || type === "stylesheet"),
        ["document", "stylesheet"]
      )
    } finally {
      await context.close()
    }
  })

  it("the scripts of the first view are loaded at once, without one that waits for another", async () => {
    const tab = await open({})
    try {
      const scripts: Array<string> = []
      tab.page.on("request", (request) => {
        if (request.resourceType() === "script") scripts.push(request.url())
      })
      await tab.page.goto(`${served.url}/`)
      await tab.page.locator("main h1").waitFor()
      const named = await tab.evaluate<ReadonlyArray<string>>(
        `[...document.querySelectorAll("script[src], link[rel=modulepreload]")].map(({ src, href }) => src ?? href)`
      )
      assert.deepStrictEqual(
        scripts.filter((url) => !named.includes(url)),
        []
      )
    } finally {
      await tab.close()
    }
  })

  it("each view has one main landmark, one first heading, and a title of its own", async () => {
    const titles = new Set<string>()
    const tab = await open({})
    try {
      for (const { isShown, route } of views) {
        await MadeUpPage.visit(tab, served, route)
        await isShown(tab.page)
        assert.strictEqual(await tab.page.locator("main").count(), 1, route)
        assert.strictEqual(await tab.page.locator("main h1").count(), 1, route)
        titles.add(await tab.page.title())
      }
    } finally {
      await tab.close()
    }
    assert.strictEqual(titles.size, views.length)
  })
})
