/** Chromium of the system, driven by playwright-core: tabs that collect the faults of a page. */
import * as Fs from "node:fs"
import axe from "axe-core"
import { type Browser, type BrowserContext, type CDPSession, chromium, type Page } from "playwright-core"

const executablePath = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) => Fs.existsSync(path))

/** True if Chromium is installed (Debian: chromium). */
export const isInstalled = executablePath !== undefined

/** Launches Chromium without a window. Text is drawn the same way on every screen. */
export const launch = (): Promise<Browser> =>
  chromium.launch({
    ...(executablePath === undefined ? {} : { executablePath }),
    args: [
      "--no-sandbox",
      "--disable-dev-shm-usage",
      "--disable-lcd-text",
      "--font-render-hinting=none",
      "--force-color-profile=srgb",
      "--enable-precise-memory-info",
      "--js-flags=--expose-gc"
    ]
  })

/** Sizes of a window: a desktop, a phone, and the narrowest that the page supports. */
const windows = {
  desktop: { width: 1280, height: 900 },
  phone: { width: 375, height: 740 },
  narrow: { width: 320, height: 640 }
} as const

/** Options of a tab. */
export interface TabOptions {
  /** Default: `desktop`. */
  readonly window?: keyof typeof windows
  /** Theme of the system. Default: `light`. */
  readonly theme?: "light" | "dark"
  /** True if the visitor wants no animations. Default: true. */
  readonly isCalm?: boolean
}

/** A tab with what the tests ask of it. */
export interface Tab {
  readonly page: Page
  readonly context: BrowserContext
  /** Errors of scripts, refusals of the security policy, failed requests, and requests to other hosts. */
  readonly faults: Array<string>
  /**
   * Evaluates an expression through the debugger: the security policy of the page, which forbids evaluation, holds for
   * the page only.
   */
  readonly evaluate: <A>(expression: string) => Promise<A>
  /** Waits until an expression is true. */
  readonly until: (expression: string) => Promise<void>
  /** Runs axe-core, and returns its violations, one line each. */
  readonly violations: () => Promise<ReadonlyArray<string>>
  readonly debug: CDPSession
  readonly close: () => Promise<void>
}

interface Violation {
  readonly id: string
  readonly help: string
  readonly nodes: ReadonlyArray<{ readonly html: string; readonly failureSummary?: string }>
}

/** Errors that Chromium reports in its console about a connection that the test has cut on purpose. */
const isCut = (text: string) => /WebSocket connection to .* failed|ERR_CONNECTION_REFUSED/.test(text)

const collectFaults = (page: Page, site: string): Array<string> => {
  const faults: Array<string> = []
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`))
  page.on("console", (message) => {
    const text = message.text()
    if (message.type() === "error" && !isCut(text)) faults.push(`console: ${text}`)
  })
  page.on("response", (response) => {
    if (response.status() >= 400) faults.push(`${response.status()} for ${response.url()}`)
  })
  page.on("request", (request) => {
    const url = request.url()
    if (!url.startsWith(site) && !/^(?:data|about|blob):/.test(url)) faults.push(`a request to ${url}`)
  })
  return faults
}

const makeEvaluate =
  (debug: CDPSession) =>
  async <A>(expression: string): Promise<A> => {
    const { exceptionDetails, result } = await debug.send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
      allowUnsafeEvalBlockedByCSP: true
    })
    if (exceptionDetails !== undefined)
      throw new Error(`${expression.slice(0, 80)}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`)
    return result.value as A
  }

/** Time after which an expression that is not true is a failure. */
const untilMillis = 30_000

const makeUntil = (evaluate: Tab["evaluate"]) => (expression: string) =>
  evaluate<void>(`new Promise((resolve, reject) => {
    const end = performance.now() + ${untilMillis}
    const look = () => {
      if (${expression}) resolve(undefined)
      else if (performance.now() > end) reject(new Error("not true in ${untilMillis} ms"))
      else setTimeout(look, 10)
    }
    look()
  })`)

const makeViolations = (evaluate: Tab["evaluate"]) => async () => {
  if (await evaluate<boolean>(`typeof axe === "undefined"`)) await evaluate<void>(`${axe.source};void 0`)
  const found = await evaluate<ReadonlyArray<Violation>>("axe.run().then(({ violations }) => violations)")
  return found.map(
    ({ help, id, nodes }) =>
      `${id} (${help}), ${nodes.length} times, first ${nodes[0]?.html}: ${nodes[0]?.failureSummary}`
  )
}

/** Opens an empty tab of its own, which shares nothing with others. A request that leaves `site` is a fault. */
export const open = async (browser: Browser, site: string, options: TabOptions = {}): Promise<Tab> => {
  const { isCalm = true, theme = "light", window = "desktop" } = options
  const context = await browser.newContext({
    viewport: windows[window],
    colorScheme: theme,
    reducedMotion: isCalm ? "reduce" : "no-preference",
    locale: "en-GB",
    timezoneId: "UTC"
  })
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  const faults = collectFaults(page, site)
  const debug = await context.newCDPSession(page)
  const evaluate = makeEvaluate(debug)
  return {
    page,
    context,
    faults,
    evaluate,
    until: makeUntil(evaluate),
    violations: makeViolations(evaluate),
    debug,
    close: () => context.close()
  }
}
