/** Positions of peers on the plane of the course's status screen: 76 columns and 24 rows. Pure. */
import type * as PageState from "../PageState.ts"

/** Columns and rows of the plane. */
const columns = 76
const rows = 24

/** Units of the picture for a column and for a row: a character is about twice as high as wide. */
const columnWidth = 10
const rowHeight = 20

/** Size of the picture. */
export const width = columns * columnWidth
export const height = rows * rowHeight

/** Longest name on the plane, in characters. */
const maxNameChars = 14

/** A peer on the plane. */
export interface Place {
  readonly peer: PageState.Peer
  readonly x: number
  readonly y: number
  readonly name: string
  /** True if the name is left of the mark, because its right has too little room. */
  readonly isLeft: boolean
}

const within = (value: number, count: number) => Math.min(count - 1, Math.max(0, value))

/** Cuts a name by characters as users see them, so that none is cut in two. */
const shorten = (name: string) => {
  const characters = Array.from(name)
  return characters.length > maxNameChars ? `${characters.slice(0, maxNameChars - 1).join("")}…` : name
}

/** Returns the places of the peers that have a position. A position outside is moved to the edge. */
export const places = (peers: ReadonlyArray<PageState.Peer>): ReadonlyArray<Place> =>
  peers.flatMap((peer) => {
    if (peer.x === undefined || peer.y === undefined) return []
    const x = (within(peer.x, columns) + 0.5) * columnWidth
    const y = (within(peer.y, rows) + 0.5) * rowHeight
    return [{ peer, x, y, name: shorten(peer.name), isLeft: x > width * 0.75 }]
  })
