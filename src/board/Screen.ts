/** Full-screen drawing of a board: the squares, their owners and the cursor. Pure: a view in, lines out. */
import { clip, plain, type Span, type Style, type StyledLine } from "../terminal/StyledText.ts"
import * as Grid from "./Grid.ts"

/** Contents of the screen. @category models @since 0.1.0 */
export interface View {
  /** Title line, with the name of the server. */
  readonly title: string
  /** Owners of the squares; empty until the server has sent them. */
  readonly grid: Grid.Grid
  /** Number of this client. */
  readonly ownNumber: number
  readonly cursor: Grid.Square
  /** Recent events, the newest last. */
  readonly messages: ReadonlyArray<string>
  /** Key help. */
  readonly prompt: string
}

/** Smallest screen on which a board is drawn; of a larger board, a part is drawn. @category constants @since 0.1.0 */
export const minSize = { columns: 20, rows: 8 } as const

/** Colours of the other clients. The client's own squares are green. */
const otherStyles = ["cyan", "yellow", "magenta", "blue", "red"] as const

const styleOf = (owner: number, ownNumber: number): Style | undefined =>
  owner === Grid.vacantNumber ? "dim" : owner === ownNumber ? "green" : otherStyles[owner % otherStyles.length]

/** Returns the visible range of a row or column: at most `fit` squares, with the cursor among them. */
const visibleRange = (size: number, fit: number, cursor: number): readonly [from: number, to: number] => {
  if (size <= fit) return [0, size]
  const from = Math.min(size - fit, Math.max(0, cursor - Math.floor(fit / 2)))
  return [from, from + fit]
}

const widthOf = ({ grid, ownNumber }: View) =>
  Math.min(6, grid.reduce((most, row) => Math.max(most, ...row), ownNumber).toString().length)

const squares = (view: View, columns: number, rows: number): ReadonlyArray<StyledLine> => {
  const { cursor, grid, ownNumber } = view
  const width = widthOf(view)
  const [left, right] = visibleRange(grid.length, Math.max(1, Math.floor(columns / (width + 2))), cursor.x)
  const [top, bottom] = visibleRange(grid.length, Math.max(1, rows), cursor.y)
  return Array.from({ length: bottom - top }, (_, row) =>
    Array.from({ length: right - left }, (_, column): Span => {
      const [x, y] = [left + column, top + row]
      const owner = Grid.owner(grid, { x, y })
      const text = (owner === Grid.vacantNumber ? "." : `${owner}`).slice(-width).padStart(width)
      return x === cursor.x && y === cursor.y
        ? { text: `[${text}]`, style: "reverse" }
        : { text: ` ${text} `, style: styleOf(owner, ownNumber) }
    })
  )
}

const status = ({ cursor, grid, ownNumber }: View): StyledLine => {
  if (grid.length === 0) return plain("")
  const owner = Grid.owner(grid, cursor)
  const whose = owner === Grid.vacantNumber ? "vacant" : owner === ownNumber ? "yours" : `of client ${owner}`
  return plain(`${cursor.x} ${cursor.y}: ${whose}`)
}

/**
 * Draws a view on a screen of `columns` by `rows`. Every line fits; of a board that does not fit, the part around the
 * cursor is drawn. On a screen below `minSize`, a message is drawn instead. The text of the view is not escaped: the
 * terminal driver does that.
 *
 * @category drawing
 * @since 0.1.0
 */
export const draw = (view: View, columns: number, rows: number): ReadonlyArray<StyledLine> => {
  if (columns < minSize.columns || rows < minSize.rows) {
    const text = `too small: needs ${minSize.columns}x${minSize.rows}`
    return [plain(text.slice(0, Math.max(0, columns)))].slice(0, Math.max(0, rows))
  }
  const gridRows = rows - 4
  const board = squares(view, columns, gridRows)
  const spareRows = gridRows - board.length
  const messages = view.messages.slice(-Math.max(1, spareRows - 2))
  const lines = [
    [{ text: view.title, style: "bold" as const }],
    ...(spareRows > 2 ? [plain("")] : []),
    ...board,
    ...(spareRows > 1 ? [plain("")] : []),
    status(view),
    ...messages.map((text, at): StyledLine => [{ text, style: at === messages.length - 1 ? "yellow" : "dim" }])
  ].slice(0, rows - 1)
  return [...lines, plain(view.prompt)].map((line) => clip(line, columns))
}
