/**
 * node scripts/docs/screenshots.ts [--docs]
 *
 * Starts all services with clients at work, among them a storm of TFTP transfers under loss, a run of the farm and
 * peers of the status service, and takes screenshots of every view of the page in light, dark and on a phone, into
 * `.cache/page-screenshots/`. With `--docs` only those of the guide are taken, and written into `docs/page/`.
 */
import { type ChildProcess, spawn } from "node:child_process"
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import { createInterface } from "node:readline"
import { type Browser, chromium, type Page } from "playwright-core"

const isForGuide = process.argv.includes("--docs")
const root = Path.join(import.meta.dirname, "../..")
const folder = Path.join(root, ".cache/page-screenshots")
const guideFolder = Path.join(root, "docs/page")
const temporary = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-inet-screenshots-"))

const children = new Set<ChildProcess>()
let isEnding = false

/** Starts a command of the sources. */
const start = (...args: ReadonlyArray<string>) => {
  const child = spawn(process.execPath, [Path.join(root, "scripts/effect-inet.ts"), ...args], {
    cwd: temporary,
    stdio: ["ignore", "pipe", "ignore"]
  })
  children.add(child)
  child.once("exit", () => children.delete(child))
  return child
}

interface Line {
  readonly service: string
  readonly state: string
  readonly port: number
  readonly link?: string
}

/** Starts `up`, and returns its services by name once the page is there. */
const startServices = async () => {
  Fs.writeFileSync(Path.join(temporary, "initrd.gz"), Crypto.randomBytes(24_000_000))
  Fs.writeFileSync(Path.join(temporary, "pxelinux.0"), Crypto.randomBytes(430_000))
  const config = [
    "up:",
    "  services:",
    ...["rot13", "hangman", "guess", "board"].map((name) => `    ${name}: { port: 0 }`),
    `    tftp: { port: 0, root: ${temporary} }`,
    "    primes: { port: 0, threads: 1 }",
    "    status: { port: 42066 }"
  ]
  Fs.writeFileSync(Path.join(temporary, "up.yaml"), `${config.join("\n")}\n`)
  const up = start("up", "--control", "--json", "--page", "127.0.0.1:0", "--config", "up.yaml")
  const services = new Map<string, Line>()
  for await (const text of createInterface({ input: up.stdout! })) {
    const line = JSON.parse(text) as Line
    services.set(line.service, line)
    if (services.has("page") && services.size === 8) break
  }
  return services
}

/** Connects a client that sends a line now and then. */
const chat = (port: number, line: () => string) => {
  const socket = Net.connect(port, "127.0.0.1")
  socket.on("data", () => {}).on("error", () => {})
  const timer = setInterval(() => socket.write(`${line()}\r\n`), 300 + 500 * Math.random())
  socket.on("close", () => clearInterval(timer))
}

/** Repeats a command until the program ends. */
const repeat = (...args: ReadonlyArray<string>) => {
  const child = start(...args)
  child.stdout!.resume()
  child.once("exit", () => {
    if (!isEnding) repeat(...args)
  })
}

const startClients = (services: ReadonlyMap<string, Line>) => {
  const portOf = (name: string) => services.get(name)!.port
  const letter = () => "etaoinshrdlu"[Math.floor(12 * Math.random())]!
  const digit = () => Math.floor(5 * Math.random())
  for (let client = 0; client < 4; client++)
    chat(portOf("rot13"), () => "The quick brown fox".repeat(20 * (client + 1)))
  for (let client = 0; client < 3; client++) chat(portOf("hangman"), letter)
  for (let client = 0; client < 2; client++) chat(portOf("board"), () => `claim ${digit()} ${digit()}`)
  for (const name of ["ada", "brian", "grace"])
    start("status", name, "--json", "--address", "127.255.255.255", "--port", "42066").stdout!.resume()
  const count = start("primes", "count", "0..400000000000", "--json", "--hosts", `127.0.0.1:${portOf("primes")}`)
  count.stdout!.resume()
  for (const [file, faults] of [
    ["initrd.gz", "drop=1%,delay=1ms"],
    ["initrd.gz", "drop=3%,delay=1ms"],
    ["pxelinux.0", "drop=10%,delay=5ms"]
  ] as const) {
    const url = `tftp://127.0.0.1:${portOf("tftp")}/${file}`
    repeat("tftp", "get", url, "--output", "-", "--windowsize", "8", "--faults", faults)
  }
}

/** The views with their addresses, and what is done before the screenshot. */
const views: Readonly<Record<string, readonly [route: string, prepare?: (page: Page) => Promise<void>]>> = {
  overview: ["#/"],
  service: ["#/services/tftp"],
  connections: ["#/connections"],
  transfers: ["#/transfers"],
  peers: ["#/peers"],
  farm: ["#/farm"],
  board: ["#/play/board"],
  hangman: [
    "#/play/hangman",
    async (page) => {
      await page.getByLabel(/your name/i).fill("ada")
      await page.keyboard.press("Enter")
      await page.getByText(/lives/i).first().waitFor()
      for (const letter of "eax") await page.keyboard.press(letter)
    }
  ],
  guess: ["#/play/guess"],
  packets: ["#/packets/tftp"],
  laboratory: [
    "#/lab",
    async (page) => {
      await page.getByRole("link", { name: "The Sorcerer's Apprentice" }).click()
      await page.waitForTimeout(2_000)
    }
  ]
}

const looks = {
  light: { viewport: { width: 1280, height: 900 }, colorScheme: "light" },
  dark: { viewport: { width: 1280, height: 900 }, colorScheme: "dark" },
  phone: { viewport: { width: 375, height: 740 }, colorScheme: "light" }
} as const

/** Views of the guide. */
const inGuide = ["overview", "transfers", "laboratory"]

const takeAll = async (browser: Browser, link: string, look: keyof typeof looks) => {
  const context = await browser.newContext({ ...looks[look], reducedMotion: "reduce" })
  const page = await context.newPage()
  page.setDefaultTimeout(120_000)
  const debug = await context.newCDPSession(page)
  await page.goto(link)
  await page.locator("main h1").waitFor()
  // Long enough for the charts of traffic to have a shape.
  await page.waitForTimeout(look === "light" ? 25_000 : 3_000)
  for (const [name, [route, prepare]] of Object.entries(views)) {
    await page.evaluate(`location.hash = ${JSON.stringify(route)}`)
    await page.waitForTimeout(2_000)
    await prepare?.(page).catch((error: Error) => process.stderr.write(`${name}: ${error.message.split("\n")[0]}\n`))
    await page.waitForTimeout(500)
    const shot = async (quality: number) =>
      Buffer.from((await debug.send("Page.captureScreenshot", { format: "webp", quality })).data, "base64")
    await page.screenshot({ path: Path.join(folder, `${name}-${look}.png`), fullPage: true })
    if (isForGuide && inGuide.includes(name)) Fs.writeFileSync(Path.join(guideFolder, `${name}.webp`), await shot(60))
  }
  await context.close()
}

const executablePath = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) => Fs.existsSync(path))
if (executablePath === undefined) throw new Error("Chromium is not installed (Debian: chromium)")
Fs.mkdirSync(folder, { recursive: true })
Fs.mkdirSync(guideFolder, { recursive: true })
try {
  const services = await startServices()
  // The page is bundled before the clients need the processors.
  await fetch(new URL("/", services.get("page")!.link))
  startClients(services)
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-lcd-text"] })
  const all = Object.keys(looks) as ReadonlyArray<keyof typeof looks>
  for (const look of isForGuide ? (["light"] as const) : all) await takeAll(browser, services.get("page")!.link!, look)
  await browser.close()
} finally {
  isEnding = true
  for (const child of children) child.kill("SIGKILL")
  Fs.rmSync(temporary, { recursive: true, force: true })
}
process.exit()
