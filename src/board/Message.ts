/** Requests of sessions to the board and messages of the board to sessions. All can be sent to another process. */
import * as Schema from "effect/Schema"
import * as Grid from "./Grid.ts"

const square = { x: Grid.Index, y: Grid.Index }
const pair = { ...square, toX: Grid.Index, toY: Grid.Index }

/** Request of a client. @category models @since 0.1.0 */
export const Ask = Schema.TaggedUnion({
  /** Requests the client's number. */
  Hello: {},
  Claim: square,
  ClaimRow: { y: Grid.Index },
  Swap: pair,
  Board: {},
  /** Requests the board now, and every later change. */
  Watch: {}
})
/** @category models @since 0.1.0 */
export type Ask = typeof Ask.Type

/**
 * Message to a client. `Snapshot` answers `Board`. `Watch` is answered with `Done`; the board then pushes `Watching`
 * and one `Seen` for every later change, in order.
 *
 * @category models
 * @since 0.1.0
 */
export const Message = Schema.Union([
  Schema.TaggedStruct("Hello", { number: Schema.Natural, size: Grid.Size }),
  Grid.Claimed,
  Grid.RowClaimed,
  Grid.Swapped,
  /** A square prevents the claim, because client `by` owns it. */
  Schema.TaggedStruct("Occupied", { ...square, by: Schema.Natural }),
  /** The client owns neither square of its swap. */
  Schema.TaggedStruct("Refused", { ...pair, by: Schema.Natural }),
  /** The board after change number `change`. */
  Schema.TaggedStruct("Snapshot", { grid: Grid.Grid, change: Schema.Natural }),
  /** The request is done; no line is sent. */
  Schema.TaggedStruct("Done", {}),
  Schema.TaggedStruct("Watching", { grid: Grid.Grid, change: Schema.Natural }),
  Schema.TaggedStruct("Seen", { event: Grid.Change })
])
/** @category models @since 0.1.0 */
export type Message = typeof Message.Type
