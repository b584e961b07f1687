/** All names at their places on a screen, as in the second edition of the course. Pure: peers in, lines out. */
import { printable } from "../../../network/TerminalText.ts"
import type { Ink, Line, Span } from "../../../terminal/StyledText.ts"
import type { Neighbour } from "./text.ts"

interface Cell {
  readonly character: string
  readonly ink: Ink | undefined
}

const empty: Cell = { character: " ", ink: undefined }

const inkOf = ({ self, state }: Neighbour): Ink | undefined =>
  self ? "bold" : state === "down" ? "dim" : state === "suspect" ? "yellow" : undefined

/** Who is drawn over whom: oneself over the others, those who are here over those who are down. */
const height = ({ self, state }: Neighbour) => (self ? 2 : state === "down" ? 0 : 1)

const spans = (cells: ReadonlyArray<Cell>): Line => {
  const line: Array<Span> = []
  for (const { character, ink } of cells) {
    const last = line.at(-1)
    if (last !== undefined && last.ink === ink) line[line.length - 1] = { text: last.text + character, ink }
    else line.push({ text: character, ink })
  }
  return line
}

/** A plane of so many columns and rows, from 0; who is not on it, or has left, is not seen. */
export const draw = (peers: ReadonlyArray<Neighbour>, columns: number, rows: number): ReadonlyArray<Line> => {
  const plane: ReadonlyArray<Array<Cell>> = Array.from({ length: rows }, () => [])
  const here = peers.filter(({ state }) => state !== "left").toSorted((one, other) => height(one) - height(other))
  for (const peer of here) {
    const { x, y } = peer.payload ?? { x: -1, y: -1 }
    const cells = plane[y]
    if (cells === undefined || x < 0 || x >= columns) continue
    const ink = inkOf(peer)
    const name = printable(peer.name).slice(0, columns - x)
    while (cells.length < x) cells.push(empty)
    for (const [at, character] of name.split("").entries()) cells[x + at] = { character, ink }
  }
  return plane.map(spans)
}
