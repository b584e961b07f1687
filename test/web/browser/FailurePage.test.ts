/** The page of a failed run in Chromium: read, filtered, zoomed and compared, by keyboard too. */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { Browser } from "playwright-core"
import type { FailedRun } from "../../../src/simulation/explain/FailedRun.ts"
import * as FailurePage from "../../../src/simulation/explain/html/FailurePage.ts"
import * as Chromium from "../../support/browser/Chromium.ts"
import * as Screenshot from "../../support/browser/Screenshot.ts"
import * as FailedRuns from "../../support/simulation/FailedRuns.ts"

describe.skipIf(!Chromium.isInstalled)("page of a failed run (skipped without Chromium)", () => {
  let browser: Browser
  let folder: string

  beforeAll(async () => {
    browser = await Chromium.launch()
    folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-inet-failure-"))
  })

  afterAll(async () => {
    await browser?.close()
    Fs.rmSync(folder, { recursive: true, force: true })
  })

  const open = async (name: string, { events, second, ...failure }: FailedRun, options?: Chromium.TabOptions) => {
    const path = Path.join(folder, `${name}.html`)
    Fs.writeFileSync(path, FailurePage.format(second === undefined ? [events] : [events, second], failure))
    const { href } = pathToFileURL(path)
    const tab = await Chromium.open(browser, href, options)
    await tab.page.goto(href)
    await tab.page.locator("#events").waitFor()
    return tab
  }

  const textOf = async (tab: Chromium.Tab, selector: string) => (await tab.page.locator(selector).textContent()) ?? ""

  const view = (tab: Chromium.Tab, name: string) => tab.page.getByText(name, { exact: true }).first().click()

  /** Shows the lost packet of the run: the list is at its start, whatever its height. */
  const showLost = async (tab: Chromium.Tab) => {
    await view(tab, "this run")
    await tab.page.locator("#events").focus()
    for (const key of ["Home", "n", "n"]) await tab.page.keyboard.press(key)
    await tab.page.getByText("never", { exact: true }).waitFor()
  }

  it.each(["light", "dark"] as const)("is accessible and needs nothing else, %s", async (theme) => {
    const tab = await open("all", FailedRuns.failed, { theme })
    try {
      for (const name of ["this run", "without faults", "difference"]) {
        await view(tab, name)
        assert.deepStrictEqual(await tab.violations(), [], name)
      }
      await showLost(tab)
      const verdict = await Screenshot.check(browser, tab, `failure-${theme}`)
      assert.notStrictEqual(verdict._tag, "Different", JSON.stringify(verdict))
      await view(tab, "difference")
      const compared = await Screenshot.check(browser, tab, `failure-difference-${theme}`)
      assert.notStrictEqual(compared._tag, "Different", JSON.stringify(compared))
      assert.deepStrictEqual(tab.faults, [])
    } finally {
      await tab.close()
    }
  })

  it.each(["phone", "narrow"] as const)("fits on a small screen, %s", async (window) => {
    const tab = await open("all", FailedRuns.failed, { window })
    try {
      for (const name of ["this run", "difference"]) {
        await view(tab, name)
        assert.isAtMost(await tab.evaluate<number>("document.documentElement.scrollWidth - innerWidth"), 0, name)
        assert.deepStrictEqual(await tab.violations(), [], name)
      }
      if (window === "narrow") return
      await showLost(tab)
      const verdict = await Screenshot.check(browser, tab, "failure-phone")
      assert.notStrictEqual(verdict._tag, "Different", JSON.stringify(verdict))
    } finally {
      await tab.close()
    }
  })

  it("shows packets with their bytes, logs, states, disks and switches by keyboard", async () => {
    const tab = await open("all", FailedRuns.failed)
    const details = () => textOf(tab, ".details")
    try {
      await tab.page.locator("#events").focus()
      await tab.page.keyboard.press("Home")
      for (let n = 0; n < 5; n++) await tab.page.keyboard.press("ArrowDown")
      assert.match(await details(), /PUT x=1[\s\S]*client to primary[\s\S]*50 55 54 20 78 3d 31[\s\S]*"entries": \[\]/)
      await tab.page.keyboard.press("n")
      assert.match(await details(), /\[EIO\] disk: sync[\s\S]*\/data\/journal/)
      await tab.page.keyboard.press("n")
      assert.match(await details(), /COPY x=1[\s\S]*never/)
      await tab.page.keyboard.press("ArrowDown")
      assert.match(await details(), /primary store changes here[\s\S]*"x=1"/)
      await tab.page.keyboard.press("End")
      await tab.page.keyboard.press("ArrowUp")
      await tab.page.keyboard.press("ArrowUp")
      assert.match(await details(), /x is lost[\s\S]*stored at 0.0035 s[\s\S]*primary is down/)
      await tab.page.keyboard.press("p")
      assert.match(await details(), /partition client\|backup ends/)
      await tab.page.keyboard.press("p")
      assert.match(await details(), /fiber backup\/3 is preempted[\s\S]*choice 1, step Election.start/)
      assert.strictEqual(await tab.evaluate("document.activeElement.id"), "events")
    } finally {
      await tab.close()
    }
  })

  it("is filtered by host, kind, fault and text, and zoomed", async () => {
    const tab = await open("all", FailedRuns.failed)
    const rows = () => tab.page.locator("#events [role=option]").allTextContents()
    try {
      await tab.page.getByLabel("packets").uncheck()
      assert.isFalse((await rows()).some((row) => row.includes("PUT")))
      await tab.page.getByLabel("packets").check()
      await tab.page.getByLabel("faults only").check()
      assert.isTrue((await rows()).every((row) => row.includes("!")))
      await tab.page.getByLabel("faults only").uncheck()
      await tab.page.getByLabel("Kind of packet").selectOption("GET")
      assert.strictEqual((await rows()).length, 1)
      await tab.page.getByLabel("Kind of packet").selectOption("")
      await tab.page.getByLabel("Text in events").fill("journal")
      assert.strictEqual((await rows()).length, 3)
      await tab.page.getByLabel("Text in events").fill("")
      for (const host of ["client", "backup"]) await tab.page.getByLabel(host, { exact: true }).uncheck()
      assert.isFalse((await rows()).some((row) => row.includes("GET")))
      for (const host of ["client", "backup"]) await tab.page.getByLabel(host, { exact: true }).check()
      const all = (await rows()).length
      await tab.page.getByRole("button", { name: "Zoom in" }).click()
      assert.isBelow((await rows()).length, all)
      await tab.page.locator("#events").focus()
      await tab.page.keyboard.press("0")
      assert.strictEqual((await rows()).length, all)
      const strip = (await tab.page.locator(".overview").boundingBox())!
      await tab.page.mouse.move(strip.x + 1, strip.y + 9)
      await tab.page.mouse.down()
      await tab.page.mouse.move(strip.x + strip.width / 5, strip.y + 9)
      await tab.page.mouse.up()
      assert.isTrue((await rows()).length > 0 && (await rows()).every((row) => Number.parseFloat(row) <= 0.0017))
    } finally {
      await tab.close()
    }
  })

  it("marks the first difference from the run without faults", async () => {
    const tab = await open("all", FailedRuns.failed)
    try {
      await view(tab, "difference")
      assert.match(await textOf(tab, ".is-first"), /disk: sync[\s\S]*≠[\s\S]*disk: sync/)
      assert.strictEqual(await tab.page.locator(".is-first").getAttribute("aria-selected"), "true")
      const all = await tab.page.locator("#differences [role=option]").count()
      await tab.page.getByLabel("differences only").check()
      assert.isBelow(await tab.page.locator("#differences [role=option]").count(), all)
      assert.deepStrictEqual(tab.faults, [])
    } finally {
      await tab.close()
    }
  })

  it("shows hostile texts as texts", async () => {
    const tab = await open("hostile", FailedRuns.hostile)
    try {
      for (const name of ["this run", "without faults", "difference"]) await view(tab, name)
      assert.isUndefined(await tab.evaluate("window.harmed"))
      assert.strictEqual(await tab.evaluate("document.querySelectorAll('img').length"), 0)
      assert.isAtMost(await tab.evaluate<number>("document.documentElement.scrollWidth - innerWidth"), 0)
      assert.deepStrictEqual(tab.faults, [])
    } finally {
      await tab.close()
    }
  })

  it("shows a run of 100,000 packets with a bounded number of elements", async () => {
    const tab = await open("long", FailedRuns.long(100_000))
    try {
      assert.match(await textOf(tab, "#page"), /100,000 events[\s\S]*\d events of the run are not in this page/)
      assert.isBelow(await tab.evaluate<number>("document.querySelectorAll('*').length"), 2_000)
      await tab.page.locator("#events").focus()
      await tab.page.keyboard.press("Home")
      assert.match(await textOf(tab, ".details"), /0 xxx/)
      await view(tab, "difference")
      assert.match(await textOf(tab, ".is-first"), /drop/)
      assert.deepStrictEqual(tab.faults, [])
    } finally {
      await tab.close()
    }
  })
})
