/**
 * node scripts/bench/page/browser.ts
 *
 * Measures the page in Chromium on loopback: the time to the first paint and to the first state, over ten loads without
 * a cache, and the frames of an overview under 1,000 updates a second. Prints medians and ranges.
 */
import * as Chromium from "../../../test/support/browser/Chromium.ts"
import * as MadeUpHub from "../../../test/support/browser/MadeUpHub.ts"
import * as MadeUpPage from "../../../test/support/browser/MadeUpPage.ts"
import * as MadeUpState from "../../../test/support/browser/MadeUpState.ts"

const loads = 10
const updatesPerSecond = 1_000
const frameSeconds = 10

const summary = (values: ReadonlyArray<number>) => {
  const sorted = values.toSorted((a, b) => a - b)
  const text = (value: number) => value.toFixed(1)
  return `${text(sorted[Math.floor(sorted.length / 2)]!)} (${text(sorted[0]!)}..${text(sorted.at(-1)!)})`
}

const print = (name: string, value: string) => process.stdout.write(`${name.padEnd(44)} ${value}\n`)

const paints = `new Promise((resolve) => {
  const look = () => {
    const entry = performance.getEntriesByName("first-contentful-paint")[0]
    if (entry === undefined) setTimeout(look, 5)
    else resolve(entry.startTime)
  }
  look()
})`

/** Resolves to the intervals between frames, in milliseconds, of a number of seconds. */
const frames = `new Promise((resolve) => {
  const intervals = []
  const end = performance.now() + ${frameSeconds * 1_000}
  let last = performance.now()
  const count = (now) => {
    intervals.push(now - last)
    last = now
    if (now < end) requestAnimationFrame(count)
    else resolve(intervals.slice(1))
  }
  requestAnimationFrame(count)
})`

const browser = await Chromium.launch()
const hub = MadeUpHub.make(MadeUpState.update)
const served = await MadeUpPage.serve({ hub })

const firstPaints: Array<number> = []
const firstStates: Array<number> = []
for (let load = 0; load < loads; load++) {
  const tab = await Chromium.open(browser, served.url)
  await tab.page.goto(`${served.url}/`)
  await tab.page.locator("main").getByText("127.0.0.1:1067").first().waitFor()
  firstStates.push(await tab.evaluate<number>("performance.now()"))
  firstPaints.push(await tab.evaluate<number>(paints))
  await tab.close()
}
print("first contentful paint, ms", summary(firstPaints))
print("first state of the process, ms", summary(firstStates))

const tab = await Chromium.open(browser, served.url, { isCalm: false })
await MadeUpPage.visit(tab, served, "#/")
await tab.page.locator("main").getByText("127.0.0.1:1067").first().waitFor()
const quiet = await tab.evaluate<ReadonlyArray<number>>(frames)
let pushed = 0
const started = performance.now()
const timer = setInterval(() => {
  const due = ((performance.now() - started) / 1_000) * updatesPerSecond
  for (; pushed < due; pushed++) {
    const services = MadeUpState.update.services.map((service) => ({
      ...service,
      bytesSent: (service.bytesSent ?? 0) + 1_000 * pushed
    }))
    hub.push({ atMillis: MadeUpState.atMillis + (performance.now() - started), services })
  }
}, 4)
const busy = await tab.evaluate<ReadonlyArray<number>>(frames)
clearInterval(timer)
/** Frames that were left out, at 60 in a second. */
const dropped = (intervals: ReadonlyArray<number>) =>
  intervals.reduce((sum, millis) => sum + Math.max(0, Math.round(millis / (1_000 / 60)) - 1), 0)
print("frames in 10 s without updates, dropped", `${quiet.length}, ${dropped(quiet)}; interval ${summary(quiet)} ms`)
print(
  `frames in 10 s with ${pushed} updates, dropped`,
  `${busy.length}, ${dropped(busy)}; interval ${summary(busy)} ms`
)
await tab.close()
await served.close()
await browser.close()
process.exit()
