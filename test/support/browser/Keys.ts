/** A visitor without a mouse: what the Tab key reaches, and how it is shown. */
import type { Tab } from "./Chromium.ts"

/** The element that has the focus. */
export interface Focus {
  /** Its accessible name, or its text. */
  readonly name: string
  readonly tag: string
  /** True if it is seen: in the window, not clipped to nothing, and marked by an outline. */
  readonly isSeen: boolean
  /** Number of the element among those that Tab must reach; -1 for others, such as a box that scrolls. */
  readonly index: number
}

/** Elements that Tab must reach, without those that a browser reaches by arrow keys within a group. */
const stops = `(() => {
  const all = [...document.querySelectorAll(
    "a[href], button, input, select, textarea, summary, [tabindex]"
  )].filter((element) => element.tabIndex >= 0 && !element.disabled && element.checkVisibility({ visibilityProperty: true }))
  const radios = new Map()
  for (const element of all) {
    if (element.type !== "radio") continue
    const known = radios.get(element.name)
    if (known === undefined || element.checked) radios.set(element.name, element)
  }
  return all.filter((element) => element.type !== "radio" || radios.get(element.name) === element)
})()`

const focus = `(() => {
  const element = document.activeElement
  const index = ${stops}.indexOf(element)
  if (element === null || element === document.body) return { name: "", tag: "body", isSeen: false, index: -1 }
  const labels = element.labels === undefined || element.labels === null ? [] : [...element.labels].map((label) => label.textContent)
  const name = element.getAttribute("aria-label") ?? (labels.length > 0 ? labels.join(" ") : element.textContent)
  const box = element.getBoundingClientRect()
  const style = getComputedStyle(element)
  const isMarked = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0
  const isInside = box.width > 1 && box.height > 1 && box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth
  return { name: name.trim().replace(/\\s+/g, " "), tag: element.tagName.toLowerCase(), isSeen: isMarked && isInside, index }
})()`

/** Returns the element that has the focus. */
export const focused = ({ evaluate }: Tab): Promise<Focus> => evaluate<Focus>(focus)

/** Returns the number of elements that Tab must reach. */
export const countStops = ({ evaluate }: Tab): Promise<number> => evaluate<number>(`${stops}.length`)

/** Presses Tab from the top of the page to its end, and returns the elements that had the focus. */
export const walk = async (tab: Tab): Promise<ReadonlyArray<Focus>> => {
  const found: Array<Focus> = []
  const most = 3 * (await countStops(tab)) + 10
  for (let presses = 0; presses < most; presses++) {
    await tab.page.keyboard.press("Tab")
    const now = await focused(tab)
    if (now.tag === "body" && found.length > 0) return found
    if (now.index >= 0) found.push(now)
  }
  return found
}

/** Presses Tab until an element of this name has the focus. */
export const tabTo = async (tab: Tab, name: string | RegExp): Promise<Focus> => {
  const most = 2 * (await countStops(tab)) + 10
  const seen: Array<string> = []
  for (let presses = 0; presses < most; presses++) {
    await tab.page.keyboard.press("Tab")
    const now = await focused(tab)
    if (typeof name === "string" ? now.name === name : name.test(now.name)) return now
    seen.push(now.name)
  }
  throw new Error(`Tab does not reach ${name}: ${seen.join(" | ")}`)
}
