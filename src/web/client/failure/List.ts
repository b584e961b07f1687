/** A list of many rows, of which only those in view are elements. It is moved through by keyboard. */
import { type Child, h } from "./Dom.ts"

/** Content of a row, and its class. */
export interface Row {
  readonly children: ReadonlyArray<Child>
  readonly class: string
}

/** Options of a list. */
export interface Options {
  readonly id: string
  readonly label: string
  /** Height of a row in pixels, at the present width. */
  readonly rowHeight: () => number
  readonly row: (index: number) => Row
  readonly onSelect: (index: number) => void
  /** Handles a key; returns true if it did. */
  readonly onKey?: (key: string) => boolean
  /** Draws below the rows from `first` to `end`. */
  readonly draw?: (first: number, end: number) => Element
  /** Text in the place of an empty list. */
  readonly emptyText: string
}

/** A list on the page. */
export interface List {
  readonly element: HTMLElement
  /** Shows another number of rows, and selects one of them; -1 for none. */
  readonly reset: (count: number, selected: number) => void
  /** Draws the rows in view again. */
  readonly refresh: () => void
  readonly select: (index: number) => void
  readonly selected: () => number
}

/** Rows above and below the view that are elements, too. */
const marginRows = 12

/** Returns the row to which a key moves; undefined for another key. */
const moved = (key: string, selected: number, count: number, pageRows: number): number | undefined => {
  const last = count - 1
  const to = {
    ArrowDown: selected + 1,
    ArrowUp: selected - 1,
    PageDown: selected + pageRows,
    PageUp: selected - pageRows,
    Home: 0,
    End: last
  }[key]
  return to === undefined ? undefined : Math.max(0, Math.min(last, to))
}

/** Creates the element of a row at its place. */
const rowElement = ({ id, row, rowHeight }: Options, index: number, count: number, isSelected: boolean) => {
  const { children, class: name } = row(index)
  const attributes = {
    ...{ id: `${id}-${index}`, class: `list-row ${name}`, role: "option", "aria-selected": `${isSelected}` },
    ...{ "aria-posinset": index + 1, "aria-setsize": count }
  }
  const element = h("div", attributes, ...children)
  element.style.transform = `translateY(${index * rowHeight()}px)`
  element.style.height = `${rowHeight()}px`
  return element
}

/** Creates a list. */
export const make = (options: Options): List => {
  const { id, label, onKey, onSelect, rowHeight } = options
  const space = h("div", { class: "list-space", role: "presentation" })
  const box = h("div", { id, class: "list", role: "listbox", tabindex: 0, "aria-label": label }, space)
  let [count, selected, drawnFirst, drawnEnd] = [0, -1, -1, -1]

  const draw = (isForced: boolean) => {
    const height = rowHeight()
    const first = Math.max(0, Math.floor(box.scrollTop / height) - marginRows)
    const end = Math.min(count, Math.ceil((box.scrollTop + box.clientHeight) / height) + marginRows)
    if (!isForced && first === drawnFirst && end === drawnEnd) return
    ;[drawnFirst, drawnEnd] = [first, end]
    space.style.height = `${count * height}px`
    const rows = Array.from({ length: Math.max(0, end - first) }, (_, at) =>
      rowElement(options, first + at, count, first + at === selected)
    )
    const drawing = count === 0 ? undefined : options.draw?.(first, end)
    const empty = count === 0 ? h("p", { class: "empty", role: "presentation" }, options.emptyText) : undefined
    space.replaceChildren(...[drawing, empty, ...rows].filter((one) => one !== undefined))
    if (selected >= first && selected < end) box.setAttribute("aria-activedescendant", `${id}-${selected}`)
    else box.removeAttribute("aria-activedescendant")
  }

  const reveal = () => {
    if (selected < 0) return
    const [top, bottom] = [selected * rowHeight(), (selected + 1) * rowHeight()]
    if (top < box.scrollTop) box.scrollTop = top - rowHeight()
    else if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom + rowHeight() - box.clientHeight
  }

  const select = (index: number) => {
    if (index < 0 || index >= count) return
    selected = index
    reveal()
    draw(true)
    onSelect(index)
  }

  box.addEventListener("scroll", () => draw(false), { passive: true })
  box.addEventListener("click", ({ target }) => {
    const row = target instanceof Element ? target.closest(".list-row") : null
    if (row !== null) select(Number(row.id.slice(id.length + 1)))
  })
  box.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const pageRows = Math.max(1, Math.floor(box.clientHeight / rowHeight()) - 1)
    const to = count === 0 ? undefined : moved(event.key, selected, count, pageRows)
    if (to !== undefined) select(to)
    else if (onKey?.(event.key) !== true) return
    event.preventDefault()
  })
  new ResizeObserver(() => draw(true)).observe(box)

  return {
    element: box,
    reset: (rows, index) => {
      ;[count, selected] = [rows, Math.min(index, rows - 1)]
      space.style.height = `${count * rowHeight()}px`
      if (selected >= 0) {
        const middle = selected * rowHeight() - box.clientHeight / 2
        const isInView =
          selected * rowHeight() >= box.scrollTop && (selected + 1) * rowHeight() <= box.scrollTop + box.clientHeight
        if (!isInView) box.scrollTop = Math.max(0, middle)
      }
      draw(true)
    },
    refresh: () => draw(true),
    select,
    selected: () => selected
  }
}
