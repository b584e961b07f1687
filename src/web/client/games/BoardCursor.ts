/** Keys and clicks on a board: the cursor, the first square of a swap, and the commands that follow. Pure. */

/** Coordinates of a square: x counts along a row, y counts the rows, both from 0. */
export interface Square {
  readonly x: number
  readonly y: number
}

/** Owners of the squares by row; 0 is vacant. */
type Grid = ReadonlyArray<ReadonlyArray<number>>

/** Position of the player on the board. */
export interface State {
  /** The square that has the focus. */
  readonly cursor: Square
  /** The first square of a swap, whose second one is still to be chosen. */
  readonly swapFrom: Square | undefined
}

/** Input: a key on the board, a square that has the focus or was pressed, or a button beside the board. */
export type Event =
  | { readonly _tag: "Focus"; readonly square: Square }
  | { readonly _tag: "Key"; readonly key: string }
  | { readonly _tag: "Press"; readonly square: Square }
  | { readonly _tag: "ClaimRow" }
  | { readonly _tag: "Swap" }

/** The board as this player sees it. */
export interface Board {
  readonly grid: Grid
  /** Number of this player; 0 of one that only watches. */
  readonly player: number
}

/** The next state, and the command for the server. */
export type Step = readonly [State, command?: string]

/** The position at first. */
export const initial: State = { cursor: { x: 0, y: 0 }, swapFrom: undefined }

/** Compares two squares. */
export const isSame = (one: Square | undefined, other: Square): boolean => one?.x === other.x && one.y === other.y

const clamp = (at: number, size: number) => Math.max(0, Math.min(size - 1, at))

/** Columns and rows that a key moves; a side of the board is far enough away. */
const moves: Readonly<Record<string, readonly [x: number, y: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  Home: [-Infinity, 0],
  End: [Infinity, 0],
  PageUp: [0, -Infinity],
  PageDown: [0, Infinity]
}

/** Returns the square to which a key moves the cursor; undefined for a key that does not. */
export const moveTo = ({ x, y }: Square, key: string, size: number): Square | undefined => {
  const move = Object.hasOwn(moves, key) ? moves[key] : undefined
  return move === undefined ? undefined : { x: clamp(x + move[0], size), y: clamp(y + move[1], size) }
}

/** Returns the owner of a square; 0 outside the board. */
const ownerOf = ({ grid }: Board, { x, y }: Square): number => grid[y]?.[x] ?? 0

const startSwap = (state: State): State => ({ ...state, swapFrom: state.cursor })

const cancel = (state: State): State => ({ ...state, swapFrom: undefined })

const press = (state: State, board: Board, square: Square): Step => {
  const at: State = { ...state, cursor: square }
  const { swapFrom } = state
  if (swapFrom !== undefined) {
    if (isSame(swapFrom, square)) return [cancel(at)]
    return [cancel(at), `swap ${swapFrom.x} ${swapFrom.y} ${square.x} ${square.y}`]
  }
  // Only a vacant square can be claimed: an own one begins a swap, and the server answers for any other.
  return ownerOf(board, square) === board.player ? [startSwap(at)] : [at, `claim ${square.x} ${square.y}`]
}

const onKey = (state: State, board: Board, key: string): Step => {
  const cursor = moveTo(state.cursor, key, board.grid.length)
  if (cursor !== undefined) return [{ ...state, cursor }]
  switch (key) {
    case "Escape":
      return [cancel(state)]
    case "r":
      return [state, `claim row ${state.cursor.y}`]
    case "s":
      return [state.swapFrom === undefined ? startSwap(state) : cancel(state)]
    default:
      return [state]
  }
}

/** Returns the state of a watcher after an input: the cursor moves, and no swap begins. */
const watch = ({ cursor }: State, { grid }: Board, event: Event): State => {
  const target =
    event._tag === "Key" ? moveTo(cursor, event.key, grid.length) : "square" in event ? event.square : undefined
  return { cursor: target ?? cursor, swapFrom: undefined }
}

/** Returns the state after an input, and the command that it means. A watcher has no commands. */
export const step = (state: State, board: Board, event: Event): Step => {
  if (board.player === 0) return [watch(state, board, event)]
  switch (event._tag) {
    case "Focus":
      return [{ ...state, cursor: event.square }]
    case "Key":
      return onKey(state, board, event.key)
    case "Press":
      return press(state, board, event.square)
    case "ClaimRow":
      return onKey(state, board, "r")
    case "Swap":
      return onKey(state, board, "s")
  }
}

/** Returns the position on a board that may have another size. */
export const fit = (state: State, size: number): State => {
  const { cursor, swapFrom } = state
  const isInside = ({ x, y }: Square) => x < size && y < size
  if (isInside(cursor) && (swapFrom === undefined || isInside(swapFrom))) return state
  return {
    cursor: { x: clamp(cursor.x, size), y: clamp(cursor.y, size) },
    swapFrom: swapFrom !== undefined && isInside(swapFrom) ? swapFrom : undefined
  }
}

/** Returns the owner of a square as words. */
export const describeOwner = (owner: number, player: number): string =>
  owner === 0 ? "vacant" : owner === player ? `yours, client ${owner}` : `client ${owner}`

/** Number of tints for other owners. */
const tints = 5

/** Returns the class of a square by its owner. Neighbours in number have different tints. */
export const classOf = (owner: number, player: number): string =>
  owner === 0 ? "board-vacant" : owner === player ? "board-own" : `board-other board-tint-${owner % tints}`

/** Returns the owners with their numbers of squares, the largest first, then by number. */
export const scoresOf = ({ grid }: Board): ReadonlyArray<readonly [owner: number, squares: number]> => {
  const counts = new Map<number, number>()
  for (const owner of grid.flat()) if (owner !== 0) counts.set(owner, (counts.get(owner) ?? 0) + 1)
  return [...counts].sort((one, other) => other[1] - one[1] || one[0] - other[0])
}
