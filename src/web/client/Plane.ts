/** Positions of peers on the plane of the course's status screen: 76 columns and 24 rows. Pure. */
import type * as PageState from "../PageState.ts"

/** Columns and rows of the plane. */
const columns = 76
const rows = 24

/** Units of the picture for a column and for a row: wide, since there are three times as many columns as rows. */
const columnWidth = 10
const rowHeight = 10

/** The position of a peer that nobody has moved. */
const first = { x: 40, y: 12 }

/** Size of the picture. */
export const width = columns * columnWidth
export const height = rows * rowHeight

/** Room above the first and below the last row, for the half of a name. */
export const marginHeight = 12

/** Longest name on the plane, in characters. */
const maxNameChars = 14

/** Room of a name: the height of its line, the width of a character, and the distance from the mark. */
const nameHeight = 26
const characterWidth = 12
const nameOffsetWidth = 16

/** A peer on the plane. */
export interface Place {
  readonly peer: PageState.Peer
  readonly x: number
  readonly y: number
  /** Empty if it does not fit beside the names of others. */
  readonly name: string
  /** Distance of the name below the mark, negative above: names of peers close to each other have a line each. */
  readonly nameOffset: number
  /** True if the name is left of the mark, because its right has too little room. */
  readonly isLeft: boolean
}

const within = (value: number, count: number) => Math.min(count - 1, Math.max(0, value))

/** Cuts a name by characters as users see them, so that none is cut in two. */
const shorten = (name: string) => {
  const characters = Array.from(name)
  return characters.length > maxNameChars ? `${characters.slice(0, maxNameChars - 1).join("")}…` : name
}

/** Lines for a name, the nearest first: that of the mark, the next one below, the next one above, and so on. */
const offsets: ReadonlyArray<number> = [
  0,
  ...[1, 2, 3, 4, 5, 6].flatMap((line) => [line * nameHeight, -line * nameHeight])
]

/** Returns the ends of a name on its line. */
const extentOf = ({ isLeft, name, x }: Place): readonly [from: number, to: number] => {
  const length = Array.from(name).length * characterWidth + nameOffsetWidth
  return isLeft ? [x - length, x] : [x, x + length]
}

/** Tests if the names of two places would overlap, the second one at an offset. */
const overlap = (one: Place, other: Place, offset: number) => {
  const [[from, to], [otherFrom, otherTo]] = [extentOf(one), extentOf(other)]
  const distance = Math.abs(one.y + one.nameOffset - other.y - offset)
  return one.name !== "" && distance < nameHeight && from < otherTo && otherFrom < to
}

/** Moves the name of a place to the nearest line that is free, or leaves it out. */
const withName = (placed: ReadonlyArray<Place>, place: Place): Place => {
  const nameOffset = offsets.find(
    (offset) => place.y + offset > 0 && place.y + offset < height && !placed.some((one) => overlap(one, place, offset))
  )
  return nameOffset === undefined ? { ...place, name: "" } : { ...place, nameOffset }
}

/** Returns the places of the peers that have a position. A position outside is moved to the edge. */
export const places = (peers: ReadonlyArray<PageState.Peer>): ReadonlyArray<Place> => {
  const placed: Array<Place> = []
  for (const peer of peers) {
    if (peer.x === undefined || peer.y === undefined) continue
    const x = (within(peer.x, columns) + 0.5) * columnWidth
    const y = (within(peer.y, rows) + 0.5) * rowHeight
    placed.push(withName(placed, { peer, x, y, name: shorten(peer.name), nameOffset: 0, isLeft: x > width * 0.75 }))
  }
  return placed
}

/** Tests if a peer has a position that says something: all stand at the first one until a user moves a name. */
export const hasMoved = (peers: ReadonlyArray<PageState.Peer>): boolean =>
  peers.some(({ x, y }) => x !== undefined && y !== undefined && (x !== first.x || y !== first.y))
