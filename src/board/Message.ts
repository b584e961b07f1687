/** What sessions ask of the board, and what they are told: values that can be sent to another process. */
import * as Schema from "effect/Schema"
import * as Grid from "./Grid.ts"

const square = { x: Grid.Index, y: Grid.Index }
const pair = { ...square, toX: Grid.Index, toY: Grid.Index }

/** What a client wants of the board. @category models @since 0.1.0 */
export const Ask = Schema.TaggedUnion({
  /** Its number. */
  Hello: {},
  Claim: square,
  ClaimRow: { y: Grid.Index },
  Swap: pair,
  Board: {},
  /** The board now, and every later change. */
  Watch: {}
})
/** @category models @since 0.1.0 */
export type Ask = typeof Ask.Type

/**
 * What a client is told. `Drawn` answers `Board`; `Watch` is answered by `Told`-s that come unasked: `Watching`, then a
 * `Seen` for every later change, each once and in their order.
 *
 * @category models
 * @since 0.1.0
 */
export const Told = Schema.Union([
  Schema.TaggedStruct("Hello", { number: Schema.Natural, size: Grid.Size }),
  Grid.Claimed,
  Grid.RowClaimed,
  Grid.Swapped,
  /** The square that is in the way of a claim, and whose it is. */
  Schema.TaggedStruct("Occupied", { ...square, by: Schema.Natural }),
  /** Neither square of a swap is the client's. */
  Schema.TaggedStruct("Refused", { ...pair, by: Schema.Natural }),
  /** The board after so many changes. */
  Schema.TaggedStruct("Drawn", { grid: Grid.Grid, change: Schema.Natural }),
  /** The question is seen to: nothing to say. */
  Schema.TaggedStruct("Done", {}),
  Schema.TaggedStruct("Watching", { grid: Grid.Grid, change: Schema.Natural }),
  Schema.TaggedStruct("Seen", { event: Grid.Change })
])
/** @category models @since 0.1.0 */
export type Told = typeof Told.Type
