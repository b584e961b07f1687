/** Map of all names at their positions, as in the second edition of the course. Pure: peers in, lines out. */
import * as TerminalText from "../../../network/TerminalText.ts"
import type { Span, Style, StyledLine } from "../../../terminal/StyledText.ts"
import type { HostPeer } from "./text.ts"

interface Cell {
  readonly character: string
  readonly style: Style | undefined
}

const empty: Cell = { character: " ", style: undefined }

const styleOf = ({ self, state }: HostPeer): Style | undefined =>
  self ? "bold" : state === "down" ? "dim" : state === "suspect" ? "yellow" : undefined

/** Returns the order of placement: this peer has its place, then running peers, then those that are down. */
const placementOrder = ({ self, state }: HostPeer) => (self ? 0 : state === "down" ? 2 : 1)

const spans = (cells: ReadonlyArray<Cell>): StyledLine => {
  const line: Array<Span> = []
  for (const { character, style } of cells) {
    const last = line.at(-1)
    if (last !== undefined && last.style === style) line[line.length - 1] = { text: last.text + character, style }
    else line.push({ text: character, style })
  }
  return line
}

/** Returns the rows from `y` to both ends, the nearest first. */
const rowsAround = (y: number, rows: number) =>
  [y, ...Array.from({ length: rows }, (_, at) => [y + at + 1, y - at - 1]).flat()].filter(
    (row) => row >= 0 && row < rows
  )

/** Tests if a row has room for a text, with a blank on both sides. */
const hasRoom = (cells: ReadonlyArray<Cell>, x: number, length: number) =>
  cells.slice(Math.max(0, x - 1), x + length + 1).every(({ character }) => character === " ")

/**
 * Draws a map of the given size. Peers outside of it and peers that have left are not shown. A name that would overlap
 * another is moved to the nearest row with room for it, and left out if there is none.
 */
export const draw = (peers: ReadonlyArray<HostPeer>, columns: number, rows: number): ReadonlyArray<StyledLine> => {
  const grid: ReadonlyArray<Array<Cell>> = Array.from({ length: rows }, () => [])
  const visible = peers
    .filter(({ state }) => state !== "left")
    .toSorted((one, other) => placementOrder(one) - placementOrder(other))
  for (const peer of visible) {
    const { x, y } = peer.payload ?? { x: -1, y: -1 }
    if (x < 0 || x >= columns || y < 0 || y >= rows) continue
    const style = styleOf(peer)
    const name = TerminalText.escape(peer.name).slice(0, columns - x)
    const row = rowsAround(y, rows).find((row) => hasRoom(grid[row]!, x, name.length))
    if (row === undefined) continue
    const cells = grid[row]!
    while (cells.length < x) cells.push(empty)
    for (const [at, character] of name.split("").entries()) cells[x + at] = { character, style }
  }
  return grid.map(spans)
}
