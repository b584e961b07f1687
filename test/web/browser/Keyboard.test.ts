/** The page in Chromium without a mouse. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { Browser } from "playwright-core"
import * as Chromium from "../../support/browser/Chromium.ts"
import * as Keys from "../../support/browser/Keys.ts"
import * as MadeUpHub from "../../support/browser/MadeUpHub.ts"
import * as MadeUpPage from "../../support/browser/MadeUpPage.ts"
import * as MadeUpState from "../../support/browser/MadeUpState.ts"
import { views } from "../../support/browser/views.ts"

describe.skipIf(!Chromium.isInstalled)("page by keyboard (skipped without Chromium)", () => {
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

  const withView = async (name: string, use: (tab: Chromium.Tab) => Promise<void>) => {
    const { isShown, route } = views.find((view) => view.name === name)!
    const tab = await Chromium.open(browser, served.url)
    try {
      await MadeUpPage.visit(tab, served, route)
      await isShown(tab.page)
      await use(tab)
    } finally {
      await tab.close()
    }
  }

  it.each(views)("Tab reaches every control of $name, in order, and shows where it is", ({ name }) =>
    withView(name, async (tab) => {
      const stops = await Keys.countStops(tab)
      // From the top of the document: a view that was opened by a link has the focus.
      await tab.page.reload()
      await views.find((view) => view.name === name)!.isShown(tab.page)
      const walked = await Keys.walk(tab)
      const reached = new Set(walked.map(({ index }) => index))
      assert.isAtLeast(reached.size, stops, `reached ${walked.map((at) => at.name).join(" | ")}`)
      for (const at of walked) {
        assert.isTrue(at.isSeen, `${at.tag} "${at.name}" is not seen when it has the focus`)
        assert.isNotEmpty(at.name, `${at.tag} number ${at.index} has no name`)
      }
    })
  )

  it("the first Tab leads to a link that skips the header", () =>
    withView("overview", async (tab) => {
      await tab.page.reload()
      await views[0]!.isShown(tab.page)
      await tab.page.keyboard.press("Tab")
      assert.match((await Keys.focused(tab)).name, /skip/i)
      await tab.page.keyboard.press("Enter")
      await tab.page.keyboard.press("Tab")
      assert.isTrue(await tab.evaluate<boolean>(`document.querySelector("main").contains(document.activeElement)`))
    }))

  it("Enter on a link of the header opens its view, and the focus follows", () =>
    withView("overview", async (tab) => {
      await Keys.tabTo(tab, /^Transfers/)
      await tab.page.keyboard.press("Enter")
      await tab.page.getByRole("heading", { level: 1, name: "Transfers" }).waitFor()
      assert.isTrue(
        await tab.evaluate<boolean>(
          `document.activeElement === document.body || document.querySelector("main").contains(document.activeElement)`
        )
      )
    }))

  it("the theme is switched and kept", () =>
    withView("overview", async (tab) => {
      const background = () => tab.evaluate<string>("getComputedStyle(document.body).backgroundColor")
      const before = await background()
      await Keys.tabTo(tab, /theme|dark|light/i)
      for (let presses = 0; presses < 3 && (await background()) === before; presses++)
        await tab.page.keyboard.press("Enter")
      const after = await background()
      assert.notStrictEqual(after, before)
      await tab.page.reload()
      await views[0]!.isShown(tab.page)
      assert.strictEqual(await background(), after)
    }))

  it("arrow keys move over the board, and Enter claims", () =>
    withView("board", async (tab) => {
      await Keys.tabTo(tab, /row 1.*column 1|square|0.*0|vacant|free/i)
      const before = (await Keys.focused(tab)).name
      await tab.page.keyboard.press("ArrowRight")
      const right = (await Keys.focused(tab)).name
      assert.notStrictEqual(right, before)
      await tab.page.keyboard.press("ArrowDown")
      await tab.page.keyboard.press("ArrowLeft")
      await tab.page.keyboard.press("ArrowUp")
      assert.strictEqual((await Keys.focused(tab)).name, before)
      await tab.page.keyboard.press("Enter")
      assert.deepStrictEqual(tab.faults, [])
    }))
})
