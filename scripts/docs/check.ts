/**
 * node scripts/docs/check.ts
 *
 * Opens the site of `npm run docs` in Chromium, on a desktop and on a phone: no error, no page wider than the window,
 * no violation of axe-core, and diagrams that are drawn. The laboratory is opened from its file, without a server.
 * Writes screenshots into `.cache/docs-screenshots/`.
 */
import * as Fs from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import * as Path from "node:path"
import { pathToFileURL } from "node:url"
import axe from "axe-core"
import { type Browser, chromium } from "playwright-core"

const root = Path.join(import.meta.dirname, "../..")
const siteFolder = Path.join(root, "dist-docs")
const screenshots = Path.join(root, ".cache/docs-screenshots")

const pages = [
  "index.html",
  "modules/rot13.Rot13Server.html",
  "variables/network.TcpServer.make.html",
  "documents/TFTP_server_and_client.html",
  "documents/Architecture.html",
  "documents/Benchmarks.html",
  "documents/The_course,_topic_by_topic.html"
]

const windows = {
  desktop: { width: 1280, height: 900 },
  phone: { width: 375, height: 740 }
}

const mediaTypes: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".css": "text/css",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".svg": "image/svg+xml"
}

/** Serves the site: modules of a page cannot be loaded from files. */
const serve = () =>
  new Promise<{ readonly url: string; readonly close: () => void }>((resolve) => {
    const server = createServer((request, response) => {
      const path = Path.join(siteFolder, new URL(request.url ?? "/", "http://site").pathname)
      if (!path.startsWith(siteFolder) || !Fs.existsSync(path)) return response.writeHead(404).end()
      const type = mediaTypes[Path.extname(path)] ?? "application/octet-stream"
      return response.writeHead(200, { "content-type": type }).end(Fs.readFileSync(path))
    })
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo
      resolve({ url: `http://127.0.0.1:${port}`, close: () => server.close() })
    })
  })

interface Violation {
  readonly id: string
  readonly nodes: ReadonlyArray<{ readonly html: string }>
}

/** A page with its address, and a condition that holds once it is shown. */
interface Target {
  readonly path: string
  readonly url: string
  readonly isShown: ReadonlyArray<readonly [condition: string, fault: string]>
}

const pageOf = (base: string, path: string): Target => ({
  path,
  url: `${base}/${path}`,
  isShown: [
    ["document.querySelector('code.mermaid') === null", "a diagram is not drawn"],
    ["document.querySelector('#tsd-nav-container .lifted') !== null", "the contents are not shown"],
    ["document.querySelector('a.laboratory') !== null", "the laboratory has no link"]
  ]
})

/** The laboratory with a run, opened from its file. */
const laboratory: Target = {
  path: "laboratory.html",
  url: `${pathToFileURL(Path.join(siteFolder, "laboratory.html")).href}#/lab?protocol=stop-and-wait&seed=1&loss=10`,
  isShown: [["document.querySelector('main svg') !== null", "the diagram of the run is not drawn"]]
}

/** Opens one page in one window, and returns its faults. */
const inspect = async (browser: Browser, { isShown, path, url }: Target, window: keyof typeof windows) => {
  const faults: Array<string> = []
  const page = await browser.newPage({ viewport: windows[window] })
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`))
  page.on("response", (response) => {
    if (response.status() >= 400) faults.push(`${response.status()} for ${response.url()}`)
  })
  await page.goto(url, { waitUntil: "load" })
  for (const [condition, fault] of isShown)
    await page.waitForFunction(condition, undefined, { timeout: 10_000 }).catch(() => faults.push(fault))
  const excess = await page.evaluate<number>("document.documentElement.scrollWidth - window.innerWidth")
  if (excess > 0) faults.push(`${excess} pixels wider than the window`)
  await page.evaluate(axe.source)
  const violations = await page.evaluate<ReadonlyArray<Violation>>("axe.run().then(({ violations }) => violations)")
  for (const { id, nodes } of violations) faults.push(`axe ${id}: ${nodes.length} times, first ${nodes[0]?.html}`)
  await page.screenshot({ path: Path.join(screenshots, `${window}-${Path.basename(path, ".html")}.png`) })
  await page.close()
  return faults.map((fault) => `${path} (${window}): ${fault}`)
}

const executablePath = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) => Fs.existsSync(path))
if (executablePath === undefined) {
  process.stdout.write("skipped: Chromium is not installed (Debian: chromium)\n")
} else {
  Fs.mkdirSync(screenshots, { recursive: true })
  const site = await serve()
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] })
  const faults: Array<string> = []
  const targets = [...pages.map((path) => pageOf(site.url, path)), laboratory]
  for (const window of Object.keys(windows) as ReadonlyArray<keyof typeof windows>) {
    for (const target of targets) faults.push(...(await inspect(browser, target, window)))
  }
  await browser.close()
  site.close()
  for (const fault of faults) process.stderr.write(`${fault}\n`)
  process.stdout.write(`${targets.length} pages in ${Object.keys(windows).length} windows, ${faults.length} faults\n`)
  if (faults.length > 0) process.exitCode = 1
}
