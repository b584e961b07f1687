/** The whole run on one strip: how much happened when, where the faults are, and which part the timeline shows. */
import type { PageRun } from "../../../simulation/explain/html/PageData.ts"
import { button, h, svg } from "./Dom.ts"
import * as Format from "./Format.ts"

/** Part of a run, in virtual nanoseconds. */
export interface Range {
  readonly from: number
  readonly to: number
}

/** The strip with its buttons. */
export interface Overview {
  readonly element: HTMLElement
  readonly show: (run: PageRun, range: Range, selected: number | undefined) => void
  readonly zoom: (step: "in" | "out" | "all") => void
}

const [width, height, bins] = [1_000, 40, 250]

/** Shortest part that can be shown, in nanoseconds. */
const minNanos = 1_000

/** Returns the part after a step, around a time. */
const zoomed = (range: Range, endNanos: number, step: "in" | "out" | "all", around: number): Range => {
  if (step === "all") return { from: 0, to: endNanos }
  const length = Math.max(minNanos, (range.to - range.from) * (step === "in" ? 0.5 : 2))
  if (length >= endNanos) return { from: 0, to: endNanos }
  const from = Math.max(0, Math.min(endNanos - length, Math.round(around - length / 2)))
  return { from, to: from + length }
}

/** Returns the number of events in each bin, and the bins with a fault. */
const histogram = ({ events }: PageRun, end: number) => {
  const counts = new Array<number>(bins).fill(0)
  const faults = new Set<number>()
  for (const { at, isFault } of events) {
    const bin = Math.max(0, Math.min(bins - 1, Math.floor((at / end) * bins)))
    counts[bin]!++
    if (isFault === true) faults.add(bin)
  }
  return { counts, faults }
}

/** Draws the bars of a run as one path, and the faults as another. */
const bars = (run: PageRun, end: number): ReadonlyArray<SVGElement> => {
  const { counts, faults } = histogram(run, end)
  const most = Math.log2(1 + Math.max(...counts))
  const step = width / bins
  const path = counts.map((count, bin) => {
    const size = count === 0 ? 0 : Math.max(2, (Math.log2(1 + count) / most) * (height - 8))
    return size === 0 ? "" : `M${bin * step} ${height}v${-size}h${step - 1}v${size}z`
  })
  const marks = [...faults].map((bin) => `M${bin * step} 0h${step - 0.5}v5h${-step + 0.5}z`)
  return [svg("path", { class: "bars", d: path.join("") }), svg("path", { class: "faults", d: marks.join("") })]
}

/** Creates the strip. */
export const make = (onRange: (range: Range) => void): Overview => {
  const drawing = svg("svg", {
    class: "overview",
    viewBox: `0 0 ${width} ${height}`,
    preserveAspectRatio: "none",
    "aria-hidden": "true"
  })
  const text = h("p", { class: "muted small", role: "status" })
  let run: PageRun | undefined
  let range: Range = { from: 0, to: 1 }
  let selected: number | undefined
  let dragFrom: number | undefined
  const endOf = () => Math.max(1, run?.endNanos ?? 1)

  const zoom = (step: "in" | "out" | "all") => {
    const isInside = selected !== undefined && selected >= range.from && selected <= range.to
    onRange(zoomed(range, endOf(), step, isInside ? selected! : (range.from + range.to) / 2))
  }
  const timeAt = (event: PointerEvent) => {
    const box = drawing.getBoundingClientRect()
    return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)) * endOf()
  }
  const drawRange = ({ from, to }: Range) => {
    for (const old of drawing.querySelectorAll(".outside, .present")) old.remove()
    const [left, right] = [from, to].map((time) => (Math.min(time, endOf()) / endOf()) * width) as [number, number]
    drawing.append(
      svg("rect", { class: "outside", x: 0, y: 0, width: left, height }),
      svg("rect", { class: "outside", x: right, y: 0, width: Math.max(0, width - right), height })
    )
    if (selected === undefined) return
    const x = Math.max(0, Math.min(width - 2, (selected / endOf()) * width - 1))
    drawing.append(svg("rect", { class: "present", x, y: 0, width: 2, height }))
  }
  const order = (one: number, other: number): Range => ({ from: Math.min(one, other), to: Math.max(one, other) })
  drawing.addEventListener("pointerdown", (event) => {
    drawing.setPointerCapture(event.pointerId)
    dragFrom = timeAt(event)
  })
  drawing.addEventListener("pointermove", (event) => {
    if (dragFrom !== undefined) drawRange(order(dragFrom, timeAt(event)))
  })
  drawing.addEventListener("pointerup", (event) => {
    if (dragFrom === undefined) return
    const chosen = order(dragFrom, timeAt(event))
    dragFrom = undefined
    if (chosen.to - chosen.from >= endOf() / 500) onRange(chosen)
    else drawRange(range)
  })

  const buttons = h(
    "div",
    { class: "row" },
    button("Zoom in", () => zoom("in")),
    button("Zoom out", () => zoom("out")),
    button("Whole run", () => zoom("all")),
    text
  )
  return {
    element: h("div", { class: "overview-box" }, drawing, buttons),
    zoom,
    show: (shown, part, present) => {
      if (run !== shown) drawing.replaceChildren(...bars(shown, Math.max(1, shown.endNanos)))
      ;[run, range, selected] = [shown, part, present]
      drawRange(range)
      const isWhole = range.from <= 0 && range.to >= shown.endNanos
      text.textContent = isWhole
        ? `the whole run, ${Format.seconds(shown.endNanos)} s`
        : `${Format.seconds(range.from)} s to ${Format.seconds(range.to)} s of ${Format.seconds(shown.endNanos)} s`
    }
  }
}
