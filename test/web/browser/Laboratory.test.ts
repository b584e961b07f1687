/** The laboratory in Chromium: on the page, and as one file without a server. */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { Browser } from "playwright-core"
import * as NodePageBundle from "../../../src/web/assets/NodePageBundle.ts"
import * as Chromium from "../../support/browser/Chromium.ts"
import * as Keys from "../../support/browser/Keys.ts"
import * as Screenshot from "../../support/browser/Screenshot.ts"

const root = Path.resolve(import.meta.dirname, "../../..")

describe.skipIf(!Chromium.isInstalled)("laboratory as one file (skipped without Chromium)", () => {
  let browser: Browser
  let folder: string
  let file: string

  beforeAll(async () => {
    browser = await Chromium.launch()
    folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-inet-lab-"))
    const path = Path.join(folder, "laboratory.html")
    Fs.writeFileSync(path, await NodePageBundle.laboratory(root))
    file = pathToFileURL(path).href
  })

  afterAll(async () => {
    await browser?.close()
    Fs.rmSync(folder, { recursive: true, force: true })
  })

  const open = async (query: string, options?: Chromium.TabOptions) => {
    const tab = await Chromium.open(browser, file, options)
    await tab.page.goto(`${file}#/lab?${query}`)
    await tab.page.locator("main svg").first().waitFor()
    return tab
  }

  it.each([
    ["the Sorcerer's Apprentice", "protocol=tftp&seed=1&loss=0&reorder=8&sender=rfc783"],
    ["stop-and-wait", "protocol=stop-and-wait&seed=1&loss=10"],
    ["presence", "protocol=presence&seed=1&event=partition"],
    ["rot13", "protocol=rot13&seed=1&loss=5"]
  ])("shows %s without a request, a fault or a violation", async (_, query) => {
    for (const theme of ["light", "dark"] as const) {
      const tab = await open(query, { theme })
      try {
        assert.deepStrictEqual(await tab.violations(), [])
        assert.deepStrictEqual(tab.faults, [])
      } finally {
        await tab.close()
      }
    }
  })

  it("shows the same run for the same link", async () => {
    const textOf = async () => {
      const tab = await open("protocol=tftp&seed=7&loss=10&duplicate=5&reorder=5&delay=20")
      try {
        return await tab.page.locator("main").textContent()
      } finally {
        await tab.close()
      }
    }
    assert.strictEqual(await textOf(), await textOf())
  })

  it("is stepped and played by keyboard, and the address follows the settings", async () => {
    const tab = await open("protocol=stop-and-wait&seed=1&loss=10")
    try {
      await Keys.tabTo(tab, /step|next|forward/i)
      const before = await tab.page.locator("main").textContent()
      await tab.page.keyboard.press("Enter")
      await tab.until(`document.querySelector("main").textContent !== ${JSON.stringify(before)}`)
      const address = tab.page.url()
      await Keys.tabTo(tab, /another seed|new seed/i)
      await tab.page.keyboard.press("Enter")
      await tab.until(`location.href !== ${JSON.stringify(address)}`)
      assert.match(tab.page.url(), /seed=\d+/)
      assert.deepStrictEqual(tab.faults, [])
    } finally {
      await tab.close()
    }
  })

  it("moves nothing for a visitor who wants no animations", async () => {
    const tab = await open("protocol=stop-and-wait&seed=1&loss=10", { isCalm: true })
    try {
      const running = "document.getAnimations().filter(({ playState }) => playState === 'running').length"
      assert.strictEqual(await tab.evaluate<number>(running), 0)
    } finally {
      await tab.close()
    }
  })

  it("fits on a phone", async () => {
    const tab = await open("protocol=tftp&seed=1&loss=5", { window: "phone" })
    try {
      assert.isAtMost(await tab.evaluate<number>("document.documentElement.scrollWidth - innerWidth"), 0)
      const verdict = await Screenshot.check(browser, tab, "static-laboratory-phone")
      assert.notStrictEqual(verdict._tag, "Different", JSON.stringify(verdict))
    } finally {
      await tab.close()
    }
  })
})
