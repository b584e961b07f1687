/**
 * Screenshots of the page, compared with those that were looked at.
 *
 * They are compared at a quarter of their size, so that the edges of letters do not count, and by Chromium itself.
 * Other fonts draw another page: the comparison is then left out. `UPDATE_SCREENSHOTS=1` writes them anew.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { Browser } from "playwright-core"
import type { Tab } from "./Chromium.ts"

const folder = Path.resolve(import.meta.dirname, "../../web/browser/screenshots")
const fontsFile = Path.join(folder, "fonts.json")
const isUpdate = process.env.UPDATE_SCREENSHOTS === "1"

/** Fraction of the points that may differ. */
const toleranceFraction = 0.015

/** Widths of a text in the fonts of the page, by which other fonts are known. */
const fontWidths = `(() => {
  const context = document.createElement("canvas").getContext("2d")
  return ["system-ui", "sans-serif", "monospace"].map((family) => {
    context.font = "16px " + family
    return Math.round(context.measureText("The quick brown fox 0123456789 mWiI").width)
  }).join(" ")
})()`

/** Draws two images in a quarter of their size, and returns the fraction of points that differ clearly. */
const compare = `async (one, other) => {
  const load = async (data) => createImageBitmap(await (await fetch(data)).blob())
  const images = await Promise.all([load(one), load(other)])
  const [first, second] = images
  if (first.width !== second.width || Math.abs(first.height - second.height) > 8) return 1
  const width = Math.ceil(first.width / 4)
  const height = Math.ceil(Math.min(first.height, second.height) / 4)
  const points = images.map((image) => {
    const context = new OffscreenCanvas(width, height).getContext("2d")
    context.imageSmoothingQuality = "high"
    context.drawImage(image, 0, 0, image.width, 4 * height, 0, 0, width, height)
    return context.getImageData(0, 0, width, height).data
  })
  let different = 0
  for (let at = 0; at < points[0].length; at += 4) {
    const distance = [0, 1, 2].reduce((most, part) => Math.max(most, Math.abs(points[0][at + part] - points[1][at + part])), 0)
    if (distance > 40) different++
  }
  return different / (width * height)
}`

const dataUrl = (base64: string) => `data:image/webp;base64,${base64}`

const knownFonts = () =>
  Fs.existsSync(fontsFile) ? (JSON.parse(Fs.readFileSync(fontsFile, "utf8")) as string) : undefined

/** Result of a comparison; `other fonts` if this machine draws other letters. */
export type Verdict =
  | { readonly _tag: "Same" }
  | { readonly _tag: "OtherFonts" }
  | { readonly _tag: "Different"; readonly percent: number; readonly path: string }

/** Limit for the height of a screenshot. */
const maxHeightPixels = 2_400

/**
 * Gives all boxes that scroll the height that they have. A diagram is as high as the window allows, and Chromium makes
 * the window as high as the page for a screenshot of it all: now and then the diagram grew and scrolled before that.
 */
const keepHeights = `for (const box of document.querySelectorAll("main *"))
  if (/auto|scroll/.test(getComputedStyle(box).overflowY)) box.style.height = getComputedStyle(box).height`

/** Takes a screenshot of the whole page as webp, in base64. */
const take = async ({ debug, evaluate }: Tab): Promise<string> => {
  await evaluate<unknown>(keepHeights)
  const { cssContentSize } = await debug.send("Page.getLayoutMetrics")
  const clip = { ...cssContentSize, height: Math.min(cssContentSize.height, maxHeightPixels), scale: 1 }
  const options = { format: "webp", quality: 60, captureBeyondViewport: true, clip } as const
  return (await debug.send("Page.captureScreenshot", options)).data
}

/** Takes a screenshot and compares it with the one of this name. A new one is written. */
export const check = async (browser: Browser, tab: Tab, name: string): Promise<Verdict> => {
  const fonts = await tab.evaluate<string>(fontWidths)
  const taken = await take(tab)
  const path = Path.join(folder, `${name}.webp`)
  if (isUpdate) {
    Fs.mkdirSync(folder, { recursive: true })
    Fs.writeFileSync(path, Buffer.from(taken, "base64"))
    Fs.writeFileSync(fontsFile, `${JSON.stringify(fonts)}\n`)
  }
  if (knownFonts() !== fonts) return { _tag: "OtherFonts" }
  const page = await browser.newPage()
  try {
    const images = [taken, Fs.readFileSync(path).toString("base64")].map((image) => JSON.stringify(dataUrl(image)))
    const fraction = await page.evaluate<number>(`(${compare})(${images.join(",")})`)
    if (fraction <= toleranceFraction) return { _tag: "Same" }
    const failed = Path.resolve(folder, "../../../../.cache/screenshots", `${name}.webp`)
    Fs.mkdirSync(Path.dirname(failed), { recursive: true })
    Fs.writeFileSync(failed, Buffer.from(taken, "base64"))
    return { _tag: "Different", percent: Math.round(fraction * 1_000) / 10, path: failed }
  } finally {
    await page.close()
  }
}
