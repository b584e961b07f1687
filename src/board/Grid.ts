/**
 * The board as a value: the owner of each square, and the changes. `square[x][y]` of the course is `grid[y][x]` here: x
 * counts along a row, y counts the rows, both from 0.
 */
import * as Schema from "effect/Schema"

/** Owner of a vacant square. The numbers of clients start at 1. @category constants @since 0.1.0 */
export const vacantNumber = 0

/** Limit for the squares in a row. @category constants @since 0.1.0 */
export const maxSize = 26

/** Number of rows, and of squares in a row: 1 to 26. @category models @since 0.1.0 */
export const Size = Schema.Int.check(
  Schema.isBetween({ minimum: 1, maximum: maxSize }, { expected: `a size from 1 to ${maxSize}` })
)

/** Index of a column or a row, from 0. @category models @since 0.1.0 */
export const Index = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: maxSize - 1 }))

/** Coordinates of a square. @category models @since 0.1.0 */
export interface Square {
  readonly x: number
  readonly y: number
}

/** Numbers of the owners, row by row; 0 is vacant. @category models @since 0.1.0 */
export const Grid = Schema.Array(Schema.Array(Schema.Natural))
/** @category models @since 0.1.0 */
export type Grid = typeof Grid.Type

const changeFields = { by: Schema.Natural, change: Schema.Natural }

/** Claim of a vacant square. @category models @since 0.1.0 */
export const Claimed = Schema.TaggedStruct("Claimed", { x: Index, y: Index, ...changeFields })
/** Claim of a row of vacant squares. @category models @since 0.1.0 */
export const RowClaimed = Schema.TaggedStruct("RowClaimed", { y: Index, ...changeFields })
/** Exchange of the owners of two squares. @category models @since 0.1.0 */
export const Swapped = Schema.TaggedStruct("Swapped", { x: Index, y: Index, toX: Index, toY: Index, ...changeFields })

/** A change, its author (`by`) and its sequence number (`change`), from 1. @category models @since 0.1.0 */
export const Change = Schema.Union([Claimed, RowClaimed, Swapped])
/** @category models @since 0.1.0 */
export type Change = typeof Change.Type

/** Returns a board without owners. @category constructors @since 0.1.0 */
export const empty = (size: number): Grid =>
  Array.from({ length: size }, () => new Array<number>(size).fill(vacantNumber))

/** Returns the owner of a square; 0 (vacant) for a square outside the board. @category getters @since 0.1.0 */
export const owner = (grid: Grid, { x, y }: Square): number => grid[y]?.[x] ?? vacantNumber

const withOwner = (grid: Grid, square: Square, by: number): Grid =>
  grid.map((row, y) => (y === square.y ? row.map((old, x) => (x === square.x ? by : old)) : row))

/** Returns the board after a change. @category combinators @since 0.1.0 */
export const apply = (grid: Grid, change: Change): Grid => {
  switch (change._tag) {
    case "Claimed":
      return withOwner(grid, change, change.by)
    case "RowClaimed":
      return grid.map((row, y) => (y === change.y ? row.map(() => change.by) : row))
    case "Swapped": {
      const other = { x: change.toX, y: change.toY }
      return withOwner(withOwner(grid, change, owner(grid, other)), other, owner(grid, change))
    }
  }
}
