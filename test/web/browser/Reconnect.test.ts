/** The page in Chromium while its server ends and starts again. */
import { assert, describe, it } from "@effect/vitest"
import * as Chromium from "../../support/browser/Chromium.ts"
import * as MadeUpHub from "../../support/browser/MadeUpHub.ts"
import * as MadeUpPage from "../../support/browser/MadeUpPage.ts"
import * as MadeUpState from "../../support/browser/MadeUpState.ts"

const withName = (name: string) => ({
  ...MadeUpState.update,
  services: [{ ...MadeUpState.update.services[0]!, name }]
})

describe.skipIf(!Chromium.isInstalled)("page of a server that restarts (skipped without Chromium)", () => {
  it("says that the connection is lost, and goes on with the new server without a reload", async () => {
    const browser = await Chromium.launch()
    const first = await MadeUpPage.serve({ hub: MadeUpHub.make(withName("before")) })
    const tab = await Chromium.open(browser, first.url)
    let second: MadeUpPage.MadeUpPage | undefined
    try {
      await MadeUpPage.visit(tab, first, "#/")
      const main = tab.page.locator("main")
      await main.getByText("before").first().waitFor()
      await tab.evaluate<void>("void (window.isSamePage = true)")

      await first.close()
      await tab.page
        .getByText(/lost|reconnecting|offline/i)
        .first()
        .waitFor()
      await main.getByRole("heading", { level: 1, name: /^Last known: / }).waitFor()
      // The last state stays: an operator still reads it.
      assert.isTrue(await main.getByText("before").first().isVisible())
      assert.deepStrictEqual(await tab.violations(), [])

      second = await MadeUpPage.serve({ hub: MadeUpHub.make(withName("after")), port: first.port })
      await main.getByText("after").first().waitFor()
      assert.isFalse(await main.getByText("before").first().isVisible())
      assert.isTrue(await tab.evaluate<boolean>("window.isSamePage"))
      assert.deepStrictEqual(tab.faults, [])
    } finally {
      await tab.close()
      await second?.close()
      await browser.close()
    }
  })

  it("connects again as often as the server restarts, with one connection at a time", async () => {
    const browser = await Chromium.launch()
    const hub = MadeUpHub.make(withName("one"))
    let served = await MadeUpPage.serve({ hub })
    const { port } = served
    const tab = await Chromium.open(browser, served.url)
    try {
      await MadeUpPage.visit(tab, served, "#/")
      for (const name of ["two", "three", "four"]) {
        await served.close()
        await tab.page
          .getByText(/lost|reconnecting|offline/i)
          .first()
          .waitFor()
        hub.push(withName(name))
        served = await MadeUpPage.serve({ hub, port })
        await tab.page.locator("main").getByText(name).first().waitFor()
        assert.strictEqual(hub.watchers(), 1)
      }
    } finally {
      await tab.close()
      await served.close()
      await browser.close()
    }
  })
})
