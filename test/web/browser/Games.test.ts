/** Games of real services in Chromium: by keyboard alone, by two browsers on one board, and without control. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { Browser } from "playwright-core"
import * as Chromium from "../../support/browser/Chromium.ts"
import * as Keys from "../../support/browser/Keys.ts"
import * as RealPage from "../../support/browser/RealPage.ts"

describe.skipIf(!Chromium.isInstalled)("games on the page (skipped without Chromium)", () => {
  let browser: Browser
  let served: RealPage.RealPage

  beforeAll(async () => {
    browser = await Chromium.launch()
    served = await RealPage.serve({
      board: "port: 0, size: 6",
      hangman: "port: 0",
      guess: "port: 0, min: 1, max: 100"
    })
  })

  afterAll(async () => {
    await served?.close()
    await browser?.close()
  })

  /** Opens a view, with the link that has the token, or without. */
  const withTab = async (route: string, hasToken: boolean, use: (tab: Chromium.Tab) => Promise<void>) => {
    const tab = await Chromium.open(browser, served.url)
    try {
      await tab.page.goto(hasToken ? served.link : `${served.url}/`)
      await tab.page.getByText("hangman").first().waitFor()
      await tab.evaluate<void>(`void (location.hash = ${JSON.stringify(route)})`)
      await use(tab)
      assert.deepStrictEqual(tab.faults, [])
    } finally {
      await tab.close()
    }
  }

  it("a game of hangman is played to its end by keyboard", () =>
    withTab("#/play/hangman", true, async (tab) => {
      const { keyboard } = tab.page
      await tab.page.getByLabel(/your name/i).waitFor()
      await Keys.tabTo(tab, /your name/i)
      await keyboard.type("ada")
      await keyboard.press("Enter")
      await tab.page.getByText(/lives/i).first().waitFor()
      const isOver = () => tab.page.getByRole("button", { name: "Play again" }).isVisible()
      const keysTop = () => tab.evaluate<number>(`document.querySelector("main fieldset").getBoundingClientRect().top`)
      const topAtFirst = await keysTop()
      const tried = () => tab.page.getByRole("button", { name: /, (?:not )?in the word$/ }).count()
      for (const letter of "etaoinshrdlucmfwypvbgkjqxz") {
        if (await isOver()) break
        const before = await tried()
        await keyboard.press(letter)
        await tab.until(
          `[...document.querySelectorAll("button")].some(({ textContent }) => textContent === "Play again") ||
            document.querySelectorAll("[aria-label$='in the word']").length > ${before}`
        )
      }
      assert.isTrue(await isOver())
      assert.strictEqual(await keysTop(), topAtFirst, "the letters have moved")
      assert.deepStrictEqual(await tab.violations(), [])
      assert.strictEqual((await Keys.focused(tab)).name, "Play again")
      await keyboard.press("Shift+Tab")
      assert.notMatch((await Keys.focused(tab)).name, /^[a-z](?:,|$)/, "a letter of a game that is over has the focus")
      await Keys.tabTo(tab, "Play again")
      await keyboard.press("Enter")
      await tab.until(`document.querySelectorAll("[aria-label$='in the word']").length === 0`)
    }))

  it("two browsers play on one board: each sees the claim of the other", () =>
    withTab("#/play/board", true, (one) =>
      withTab("#/play/board", true, async (other) => {
        const square = (tab: Chromium.Tab, name: string) => tab.page.getByRole("button", { name, exact: true })
        await one.page.getByText(/You are client \d+/).waitFor()
        await other.page.getByText(/You are client \d+/).waitFor()
        const numberOf = async (tab: Chromium.Tab) =>
          /client (\d+)/.exec((await tab.page.getByText(/You are client \d+/).textContent())!)![1]!
        const [first, second] = [await numberOf(one), await numberOf(other)]
        assert.notStrictEqual(first, second)

        await Keys.tabTo(one, /^0 0, /)
        await one.page.keyboard.press("ArrowRight")
        await one.page.keyboard.press("ArrowDown")
        await one.page.keyboard.press("Enter")
        await square(one, `1 1, yours, client ${first}`).waitFor()
        await square(other, `1 1, client ${first}`).waitFor()

        await Keys.tabTo(other, /^0 0, /)
        await other.page.keyboard.press("ArrowDown")
        await other.page.keyboard.press("ArrowDown")
        await other.page.keyboard.press("r")
        for (const x of [0, 1, 2, 3, 4, 5]) await square(one, `${x} 2, client ${second}`).waitFor()
        assert.deepStrictEqual(await one.violations(), [])
      })
    ))

  it("a board is watched without control, and its squares are not buttons that do something", () =>
    withTab("#/play/board", true, (player) =>
      withTab("#/play/board", false, async (watcher) => {
        await watcher.page.getByText(/you are watching/i).waitFor()
        await player.page.getByText(/You are client \d+/).waitFor()
        await Keys.tabTo(player, /^0 0, /)
        for (const key of ["End", "PageDown", "Enter"]) await player.page.keyboard.press(key)
        await player.page.getByRole("button", { name: /^5 5, yours/ }).waitFor()
        await watcher.page.getByRole("button", { name: /^5 5, client \d+$/ }).waitFor()
        const before = await watcher.page.getByRole("grid").textContent()
        await watcher.page.getByRole("button", { name: /^4 4, / }).click()
        await Keys.tabTo(player, /^5 5, |^0 0, /)
        await player.page.keyboard.press("Home")
        assert.strictEqual(await watcher.page.getByRole("grid").textContent(), before)
        assert.deepStrictEqual(await watcher.violations(), [])
      })
    ))

  it("the number is found by halving the range that the page shows", () =>
    withTab("#/play/guess", true, async (tab) => {
      const label = () => tab.page.getByText(/^Your guess, from/).textContent()
      const isFound = tab.page.getByText(/is correct: found with/)
      await Keys.tabTo(tab, /^Your guess, from/)
      for (const refused of ["500", "600"]) {
        await tab.page.keyboard.type(refused)
        await tab.page.keyboard.press("Enter")
        await tab.page.getByText(`${refused} cannot be it`).waitFor()
      }
      await Keys.tabTo(tab, /^Halve/)
      for (let guesses = 0; guesses < 10; guesses++) {
        const before = await label()
        await tab.page.keyboard.press("Enter")
        await tab.until(`!document.querySelector("main").textContent.includes(${JSON.stringify(before)})`)
        if (await isFound.isVisible()) break
      }
      assert.isTrue(await isFound.isVisible())
      assert.deepStrictEqual(await tab.violations(), [])
    }))

  it("a game that cannot be played says how to get control", () =>
    withTab("#/play/hangman", false, async (tab) => {
      await tab.page.getByText(/open the link with the token/i).waitFor()
      assert.strictEqual(await tab.page.locator("main input").count(), 0)
    }))
})

describe.skipIf(!Chromium.isInstalled)("control of the page (skipped without Chromium)", () => {
  it("a service is restarted by a browser with the token, and the page shows it", async () => {
    const browser = await Chromium.launch()
    const served = await RealPage.serve({ rot13: "port: 0" })
    const tab = await Chromium.open(browser, served.url)
    try {
      await tab.page.goto(served.link)
      await tab.evaluate<void>(`void (location.hash = "#/services/rot13")`)
      await Keys.tabTo(tab, "Restart")
      await tab.page.keyboard.press("Enter")
      assert.strictEqual((await Keys.focused(tab)).name, "Restart now")
      await tab.page.keyboard.press("Enter")
      await tab.page.getByText("Restarted").waitFor()
      await tab.page
        .locator("main")
        .getByText(/1 restart/i)
        .first()
        .waitFor()
      assert.deepStrictEqual(tab.faults, [])
    } finally {
      await tab.close()
      await browser.close()
      await served.close()
    }
  })
})
