/** What a host says of itself: the two numbers of the course, and what `uptime` and `free` would print. Pure. */
import * as Schema from "effect/Schema"

const upTo = (maximum: number) => Schema.isBetween({ minimum: 0, maximum })

/** Seconds, or processes that run or wait: finite, and not below 0. */
const NonNegative = Schema.Finite.check(upTo(Number.MAX_SAFE_INTEGER))

const Bytes = Schema.Int.check(upTo(Number.MAX_SAFE_INTEGER))

/** Any number the course's packet can carry. */
const Int32 = Schema.Int.check(Schema.isBetween({ minimum: -(2 ** 31), maximum: 2 ** 31 - 1 }))

const Memory = Schema.Struct({ total: Bytes, free: Bytes }).check(
  Schema.makeFilter(({ free, total }) => free <= total || "no more memory free than there is")
)

/** What a host says of itself; all but its place may be left out. @category schemas @since 0.1.0 */
export const HostStatus = Schema.Struct({
  /** The place of its name on the screen; one that is on it is 0 to 75, and 0 to 23. */
  x: Int32,
  y: Int32,
  /** The name of the host, at most 255 characters. Whatever the peer wrote: print it with `TerminalText.escape`. */
  host: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(255))),
  /** Seconds since the host started. */
  uptime: Schema.optionalKey(NonNegative),
  /** Processes that run or wait to: the mean of the last 1, 5 and 15 minutes. */
  load: Schema.optionalKey(Schema.Tuple([NonNegative, NonNegative, NonNegative])),
  /** Bytes: all there is, and what a new program could have of it. */
  memory: Schema.optionalKey(Memory)
})

/** @category models @since 0.1.0 */
export type HostStatus = typeof HostStatus.Type

/** What can be read from a host, which has no place on the screen by itself. @category models @since 0.1.0 */
export type HostMetrics = Omit<HostStatus, "x" | "y">

/** All that a packet of the course has room for. @category models @since 0.1.0 */
export type Position = Pick<HostStatus, "x" | "y">

/** Where a name is first, in the second edition of the course. @category constants @since 0.1.0 */
export const initialPosition: Position = { x: 40, y: 12 }

/** The last column and the last row a name can be moved to; the first are 0. @category constants @since 0.1.0 */
export const maxPosition: Position = { x: 75, y: 23 }

/** What a packet of the course can tell. @category conversions @since 0.1.0 */
export const toCourse = ({ x, y }: Position): Position => ({ x, y })

/** What a packet of the course tells. @category conversions @since 0.1.0 */
export const fromCourse = ({ x, y }: Position): HostStatus => ({ x, y })

const keyDeltas = { Left: [-1, 0], Right: [1, 0], Up: [0, -1], Down: [0, 1] } as const

/** A cursor key. @category models @since 0.1.0 */
export type CursorKey = keyof typeof keyDeltas

const clamp = (value: number, max: number) => Math.min(Math.max(value, 0), max)

/**
 * One step to where the key points, as far as the screen goes; the rest stays as it is.
 *
 * @category transitions
 * @since 0.1.0
 */
export const move = <A extends Position>(status: A, key: CursorKey): A => {
  const [right, down] = keyDeltas[key]
  return { ...status, x: clamp(status.x + right, maxPosition.x), y: clamp(status.y + down, maxPosition.y) }
}
