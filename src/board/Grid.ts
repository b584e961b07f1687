/**
 * The board as a value: who has which square, and what a change makes of it. `square[x][y]` of the course is
 * `grid[y][x]` here, x counts along a row, and both count from 0.
 */
import * as Schema from "effect/Schema"

/** No client's number: these count from 1. @category models @since 0.1.0 */
export const vacant = 0

/** The most squares in a row. @category models @since 0.1.0 */
export const maxSize = 26

/** Squares in a row, and rows: 1 to 26. @category models @since 0.1.0 */
export const Size = Schema.Int.check(
  Schema.isBetween({ minimum: 1, maximum: maxSize }, { expected: `a size from 1 to ${maxSize}` })
)

/** A column or a row, from 0. @category models @since 0.1.0 */
export const Index = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: maxSize - 1 }))

/** A place on the board. @category models @since 0.1.0 */
export interface Square {
  readonly x: number
  readonly y: number
}

/** Row by row, the numbers of the owners; 0 is vacant. @category models @since 0.1.0 */
export const Grid = Schema.Array(Schema.Array(Schema.Natural))
/** @category models @since 0.1.0 */
export type Grid = typeof Grid.Type

const done = { by: Schema.Natural, change: Schema.Natural }

/** A square got its first owner. @category models @since 0.1.0 */
export const Claimed = Schema.TaggedStruct("Claimed", { x: Index, y: Index, ...done })
/** All squares of a row got their first owner. @category models @since 0.1.0 */
export const RowClaimed = Schema.TaggedStruct("RowClaimed", { y: Index, ...done })
/** Two squares exchanged their owners. @category models @since 0.1.0 */
export const Swapped = Schema.TaggedStruct("Swapped", { x: Index, y: Index, toX: Index, toY: Index, ...done })

/** What happened, who did it, and the how many-th change that was, from 1. @category models @since 0.1.0 */
export const Change = Schema.Union([Claimed, RowClaimed, Swapped])
/** @category models @since 0.1.0 */
export type Change = typeof Change.Type

/** A board without owners. @category constructors @since 0.1.0 */
export const empty = (size: number): Grid => Array.from({ length: size }, () => new Array<number>(size).fill(vacant))

/** Whose square it is; vacant outside the board. @category getters @since 0.1.0 */
export const owner = (grid: Grid, { x, y }: Square): number => grid[y]?.[x] ?? vacant

const put = (grid: Grid, square: Square, by: number): Grid =>
  grid.map((row, y) => (y === square.y ? row.map((old, x) => (x === square.x ? by : old)) : row))

/** The board after a change. @category combinators @since 0.1.0 */
export const apply = (grid: Grid, change: Change): Grid => {
  switch (change._tag) {
    case "Claimed":
      return put(grid, change, change.by)
    case "RowClaimed":
      return grid.map((row, y) => (y === change.y ? row.map(() => change.by) : row))
    case "Swapped": {
      const other = { x: change.toX, y: change.toY }
      return put(put(grid, change, owner(grid, other)), other, owner(grid, change))
    }
  }
}
