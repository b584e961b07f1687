/** A shared board as lines for a screen of any size: the squares, whose they are, and the cursor. Pure. */
import { clip, type Ink, type Line, plain, type Span } from "../terminal/StyledText.ts"
import * as Grid from "./Grid.ts"

/** What there is to see. @category models @since 0.1.0 */
export interface View {
  /** Where the board is. */
  readonly title: string
  /** Empty before the server has told. */
  readonly grid: Grid.Grid
  /** The number of this client. */
  readonly own: number
  readonly cursor: Grid.Square
  /** What happened, the newest last. */
  readonly messages: ReadonlyArray<string>
  /** What a key does now. */
  readonly prompt: string
}

/** The smallest screen that a board is shown on; a part of it, if it is larger. @category constants @since 0.1.0 */
export const smallest = { columns: 20, rows: 8 } as const

/** Others' colours; one's own squares are green. */
const inks = ["cyan", "yellow", "magenta", "blue", "red"] as const

const inkOf = (owner: number, own: number): Ink | undefined =>
  owner === Grid.vacant ? "dim" : owner === own ? "green" : inks[owner % inks.length]

/** The part of a side that is seen: as many squares as fit, with the cursor among them. */
const seen = (size: number, fit: number, cursor: number): readonly [from: number, to: number] => {
  if (size <= fit) return [0, size]
  const from = Math.min(size - fit, Math.max(0, cursor - Math.floor(fit / 2)))
  return [from, from + fit]
}

const widthOf = ({ grid, own }: View) =>
  Math.min(6, grid.reduce((most, row) => Math.max(most, ...row), own).toString().length)

const squares = (view: View, columns: number, rows: number): ReadonlyArray<Line> => {
  const { cursor, grid, own } = view
  const width = widthOf(view)
  const [left, right] = seen(grid.length, Math.max(1, Math.floor(columns / (width + 2))), cursor.x)
  const [top, bottom] = seen(grid.length, Math.max(1, rows), cursor.y)
  return Array.from({ length: bottom - top }, (_, row) =>
    Array.from({ length: right - left }, (_, column): Span => {
      const [x, y] = [left + column, top + row]
      const owner = Grid.owner(grid, { x, y })
      const text = (owner === Grid.vacant ? "." : `${owner}`).slice(-width).padStart(width)
      return x === cursor.x && y === cursor.y
        ? { text: `[${text}]`, ink: "reverse" }
        : { text: ` ${text} `, ink: inkOf(owner, own) }
    })
  )
}

const status = ({ cursor, grid, own }: View): Line => {
  if (grid.length === 0) return plain("")
  const owner = Grid.owner(grid, cursor)
  const whose = owner === Grid.vacant ? "vacant" : owner === own ? "yours" : `of client ${owner}`
  return plain(`${cursor.x} ${cursor.y}: ${whose}`)
}

/**
 * Draws a view on so many columns and rows; every line fits, and of a board that does not, the part around the cursor.
 * The text of the lines is what the view holds: whoever shows it makes it harmless. A screen below the smallest says so
 * instead.
 *
 * @category drawing
 * @since 0.1.0
 */
export const draw = (view: View, columns: number, rows: number): ReadonlyArray<Line> => {
  if (columns < smallest.columns || rows < smallest.rows) {
    const text = `too small: needs ${smallest.columns}x${smallest.rows}`
    return [plain(text.slice(0, Math.max(0, columns)))].slice(0, Math.max(0, rows))
  }
  const roomForGrid = rows - 4
  const board = squares(view, columns, roomForGrid)
  const spare = roomForGrid - board.length
  const said = view.messages.slice(-Math.max(1, spare - 2))
  const lines = [
    [{ text: view.title, ink: "bold" as const }],
    ...(spare > 2 ? [plain("")] : []),
    ...board,
    ...(spare > 1 ? [plain("")] : []),
    status(view),
    ...said.map((text, at): Line => [{ text, ink: at === said.length - 1 ? "yellow" : "dim" }])
  ].slice(0, rows - 1)
  return [...lines, plain(view.prompt)].map((line) => clip(line, columns))
}
