/** Map of all names at their positions, as in the second edition of the course. Pure: peers in, lines out. */
import * as TerminalText from "../../../network/TerminalText.ts"
import type { Span, Style, StyledLine } from "../../../terminal/StyledText.ts"
import type { HostPeer } from "./text.ts"

interface Cell {
  readonly character: string
  readonly style: Style | undefined
}

const empty: Cell = { character: " ", style: undefined }

const inkOf = ({ self, state }: HostPeer): Style | undefined =>
  self ? "bold" : state === "down" ? "dim" : state === "suspect" ? "yellow" : undefined

/** Returns the drawing order of a peer: this peer covers others, and running peers cover those that are down. */
const drawOrder = ({ self, state }: HostPeer) => (self ? 2 : state === "down" ? 0 : 1)

const spans = (cells: ReadonlyArray<Cell>): StyledLine => {
  const line: Array<Span> = []
  for (const { character, style: ink } of cells) {
    const last = line.at(-1)
    if (last !== undefined && last.style === ink) line[line.length - 1] = { text: last.text + character, style: ink }
    else line.push({ text: character, style: ink })
  }
  return line
}

/** Draws a map of the given size. Peers outside of it and peers that have left are not shown. */
export const draw = (peers: ReadonlyArray<HostPeer>, columns: number, rows: number): ReadonlyArray<StyledLine> => {
  const grid: ReadonlyArray<Array<Cell>> = Array.from({ length: rows }, () => [])
  const visible = peers
    .filter(({ state }) => state !== "left")
    .toSorted((one, other) => drawOrder(one) - drawOrder(other))
  for (const peer of visible) {
    const { x, y } = peer.payload ?? { x: -1, y: -1 }
    const cells = grid[y]
    if (cells === undefined || x < 0 || x >= columns) continue
    const ink = inkOf(peer)
    const name = TerminalText.escape(peer.name).slice(0, columns - x)
    while (cells.length < x) cells.push(empty)
    for (const [at, character] of name.split("").entries()) cells[x + at] = { character, style: ink }
  }
  return grid.map(spans)
}
