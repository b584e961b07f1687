/**
 * The status of a host: its position on the course's screen and the figures of `uptime` and `free`. Pure.
 *
 * **Example** (Move a name on the course's screen)
 *
 * ```ts
 * import { HostStatus } from "effect-inet/status"
 *
 * const status = { ...HostStatus.initialPosition, host: "web1" }
 * HostStatus.move(status, "Right") // => { x: 41, y: 12, host: "web1" }
 * HostStatus.toCourse(status) // => { x: 40, y: 12 }
 * ```
 */
import * as Schema from "effect/Schema"

const upTo = (maximum: number) => Schema.isBetween({ minimum: 0, maximum })

/** A finite number, 0 or more: seconds, or a load average. */
const NonNegative = Schema.Finite.check(upTo(Number.MAX_SAFE_INTEGER))

const Bytes = Schema.Int.check(upTo(Number.MAX_SAFE_INTEGER))

/** A signed 32-bit integer, as in the course's packet. */
const Int32 = Schema.Int.check(Schema.isBetween({ minimum: -(2 ** 31), maximum: 2 ** 31 - 1 }))

const Memory = Schema.Struct({ total: Bytes, free: Bytes }).check(
  Schema.makeFilter(({ free, total }) => free <= total || "free memory must not exceed total memory")
)

/** Schema of a host's status. Only the position is required. @category schemas @since 0.1.0 */
export const HostStatus = Schema.Struct({
  /** Position of the name on the screen: columns 0 to 75 and rows 0 to 23 are visible. */
  x: Int32,
  y: Int32,
  /** Host name, at most 255 characters. It is untrusted input: print it with `TerminalText.escape`. */
  host: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(255))),
  /** Seconds since the host booted. */
  uptime: Schema.optionalKey(NonNegative),
  /** Load averages of the last 1, 5 and 15 minutes: the mean number of running and runnable processes. */
  load: Schema.optionalKey(Schema.Tuple([NonNegative, NonNegative, NonNegative])),
  /** Memory in bytes: in total, and available to a new program. */
  memory: Schema.optionalKey(Memory)
})

/** Status of a host. @category models @since 0.1.0 */
export type HostStatus = typeof HostStatus.Type

/** Status of a host without its position. @category models @since 0.1.0 */
export type HostMetrics = Omit<HostStatus, "x" | "y">

/** Position on the course's screen: the only payload of the course's packet. @category models @since 0.1.0 */
export type Position = Pick<HostStatus, "x" | "y">

/** Initial position of a name, as in the second edition of the course. @category constants @since 0.1.0 */
export const initialPosition: Position = { x: 40, y: 12 }

/** Last column and last row that `move` reaches; the first of each is 0. @category constants @since 0.1.0 */
export const maxPosition: Position = { x: 75, y: 23 }

/** Returns the fields that the course's packet carries. @category conversions @since 0.1.0 */
export const toCourse = ({ x, y }: Position): Position => ({ x, y })

/**
 * Returns the status that the course's packet carries: a position and no metrics.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromCourse = ({ x, y }: Position): HostStatus => ({ x, y })

const keyDeltas = { Left: [-1, 0], Right: [1, 0], Up: [0, -1], Down: [0, 1] } as const

/** A cursor key. @category models @since 0.1.0 */
export type CursorKey = keyof typeof keyDeltas

const clamp = (value: number, max: number) => Math.min(Math.max(value, 0), max)

/**
 * Moves a position one step in the direction of a cursor key, within the screen. All other fields stay the same.
 *
 * @category transitions
 * @since 0.1.0
 */
export const move = <A extends Position>(status: A, key: CursorKey): A => {
  const [right, down] = keyDeltas[key]
  return { ...status, x: clamp(status.x + right, maxPosition.x), y: clamp(status.y + down, maxPosition.y) }
}
