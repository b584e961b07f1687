/** The page in Chromium with names that try to harm it, and with the token of control. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { Browser } from "playwright-core"
import * as Chromium from "../../support/browser/Chromium.ts"
import * as MadeUpHub from "../../support/browser/MadeUpHub.ts"
import * as MadeUpPage from "../../support/browser/MadeUpPage.ts"
import * as MadeUpState from "../../support/browser/MadeUpState.ts"

describe.skipIf(!Chromium.isInstalled)("page with hostile peers (skipped without Chromium)", () => {
  let browser: Browser
  let served: MadeUpPage.MadeUpPage

  beforeAll(async () => {
    browser = await Chromium.launch()
    served = await MadeUpPage.serve({ hub: MadeUpHub.make(MadeUpState.hostile), hasControl: true })
  })

  afterAll(async () => {
    await served?.close()
    await browser?.close()
  })

  const inTab = async (window: "desktop" | "narrow", use: (tab: Chromium.Tab) => Promise<void>) => {
    const tab = await Chromium.open(browser, served.url, { window })
    try {
      await use(tab)
    } finally {
      await tab.close()
    }
  }

  const routes = ["#/", "#/connections", "#/transfers", "#/peers", "#/farm"]

  it.each(routes)("%s shows every name as text, and nothing else happens", (route) =>
    inTab("desktop", async (tab) => {
      await MadeUpPage.visit(tab, served, route)
      await tab.page.locator("main").getByText("window.harmed").first().waitFor()
      assert.isUndefined(await tab.evaluate("window.harmed"))
      const made = `main :is(img, script, style, iframe, object, embed), main [onerror]`
      assert.strictEqual(await tab.evaluate<number>(`document.querySelectorAll(${JSON.stringify(made)}).length`), 0)
      const links = `[...document.querySelectorAll("a")].filter(({ protocol }) => protocol !== location.protocol).length`
      assert.strictEqual(await tab.evaluate<number>(links), 0)
      assert.deepStrictEqual(tab.faults, [])
      assert.deepStrictEqual(await tab.violations(), [])
    })
  )

  it.each(routes)("%s does not scroll sideways for a name of 500 letters", (route) =>
    inTab("narrow", async (tab) => {
      await MadeUpPage.visit(tab, served, route)
      await tab.page.locator("main").getByText("window.harmed").first().waitFor()
      assert.isAtMost(await tab.evaluate<number>("document.documentElement.scrollWidth - innerWidth"), 0)
    })
  )

  it.each(MadeUpState.hostileNames.map((name) => [name] as const))(
    "a service of the name %j has its own view",
    (name) =>
      inTab("desktop", async (tab) => {
        await MadeUpPage.visit(tab, served, `#/services/${encodeURIComponent(name)}`)
        // A heading has at most 100 characters.
        await tab.page.locator("main h1").getByText(name.trim().slice(0, 90), { exact: false }).waitFor()
        assert.isUndefined(await tab.evaluate("window.harmed"))
        assert.deepStrictEqual(tab.faults, [])
      })
  )

  it.each([
    "#/services/%",
    "#/services/%E0%A4%A",
    "#/__proto__/x",
    "#/constructor/x",
    "#/play/nobody",
    "#/packets/nobody",
    "#/lab?seed=NaN&loss=1e999&delay=-1&protocol=<b>&choices=__proto__",
    `#/lab?${"a=b&".repeat(5_000)}`,
    "#//////",
    "#<script>window.harmed=1</script>"
  ])("the address %s is answered by a view", (route) =>
    inTab("desktop", async (tab) => {
      await MadeUpPage.visit(tab, served, route)
      await tab.page.locator("main h1").first().waitFor()
      assert.isUndefined(await tab.evaluate("window.harmed"))
      assert.deepStrictEqual(tab.faults, [])
    })
  )

  it("the token leaves the address and the history, and stays in the tab", () =>
    inTab("desktop", async (tab) => {
      await MadeUpPage.visit(tab, served, "#/")
      assert.notInclude(tab.page.url(), "token")
      const stored = "JSON.stringify([{ ...sessionStorage }, { ...localStorage }, document.cookie])"
      const [session, local, cookie] = JSON.parse(await tab.evaluate<string>(stored)) as [object, object, string]
      assert.include(JSON.stringify(session), "made-up-token")
      assert.notInclude(JSON.stringify(local), "made-up-token")
      assert.strictEqual(cookie, "")
      await tab.page.goBack().catch(() => undefined)
      assert.notInclude(tab.page.url(), "token")
    }))

  it("a link whose token cannot be right leaves that of the tab", () =>
    inTab("desktop", async (tab) => {
      await MadeUpPage.visit(tab, served, "#/")
      for (const bad of ["", "short", "a".repeat(129), "0123456789abcde%00"]) {
        await tab.page.goto(`${served.url}/#token=${bad}`)
        await tab.until(`!location.hash.includes("token")`)
        assert.include(await tab.evaluate<string>("JSON.stringify({ ...sessionStorage })"), "made-up-token")
      }
    }))

  it("a token that is not valid is named, until the visitor only watches", () =>
    inTab("desktop", async (tab) => {
      await tab.page.goto(`${served.url}/#token=that-of-another-start`)
      await tab.page.getByText(/token of this tab is not valid/).waitFor()
      assert.deepStrictEqual(await tab.violations(), [])
      await tab.page.getByRole("button", { name: "Only watch" }).click()
      await tab.page.getByText(/^Read-only: /).waitFor()
      assert.strictEqual(await tab.page.getByText(/token of this tab/).count(), 0)
      assert.deepStrictEqual(tab.faults, [])
    }))

  it("an inline script does not run", () =>
    inTab("desktop", async (tab) => {
      await MadeUpPage.visit(tab, served, "#/")
      await tab.evaluate<void>(`(() => {
        const script = document.createElement("script")
        script.textContent = "window.harmed = 1"
        document.body.append(script)
        const image = document.createElement("img")
        image.setAttribute("onerror", "window.harmed = 2")
        image.src = "data:,"
        document.body.append(image)
        return new Promise((resolve) => image.addEventListener("error", () => resolve(undefined)))
      })()`)
      assert.isUndefined(await tab.evaluate("window.harmed"))
      assert.isNotEmpty(tab.faults.filter((fault) => /Content Security Policy/.test(fault)))
    }))

  it("a page of another origin cannot frame it", () =>
    inTab("desktop", async (tab) => {
      await tab.page.setContent(`<iframe src="${served.url}/" title="framed"></iframe>`)
      const refused = () => tab.faults.some((fault) => /frame-ancestors|X-Frame-Options/i.test(fault))
      await tab.page.waitForEvent("console", { predicate: refused, timeout: 10_000 }).catch(() => undefined)
      assert.isTrue(refused(), tab.faults.join("\n"))
    }))
})
