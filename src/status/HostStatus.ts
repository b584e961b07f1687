/** What a host says of itself: the two numbers of the course, and what `uptime` and `free` would print. Pure. */
import * as Schema from "effect/Schema"

const to = (maximum: number) => Schema.isBetween({ minimum: 0, maximum })

/** Seconds, or processes that run or wait: finite, and not below 0. */
const Amount = Schema.Finite.check(to(Number.MAX_SAFE_INTEGER))

const Bytes = Schema.Int.check(to(Number.MAX_SAFE_INTEGER))

/** Any number the course's packet can carry. */
const Place = Schema.Int.check(Schema.isBetween({ minimum: -(2 ** 31), maximum: 2 ** 31 - 1 }))

const Memory = Schema.Struct({ total: Bytes, free: Bytes }).check(
  Schema.makeFilter(({ free, total }) => free <= total || "no more memory free than there is")
)

/** What a host says of itself; all but its place may be left out. @category schemas @since 0.1.0 */
export const HostStatus = Schema.Struct({
  /** The place of its name on the screen; one that is on it is 0 to 75, and 0 to 23. */
  x: Place,
  y: Place,
  /** The name of the host, at most 255 characters. Whatever the peer wrote: print it with `Text.printable`. */
  host: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(255))),
  /** Seconds since the host started. */
  uptime: Schema.optionalKey(Amount),
  /** Processes that run or wait to: the mean of the last 1, 5 and 15 minutes. */
  load: Schema.optionalKey(Schema.Tuple([Amount, Amount, Amount])),
  /** Bytes: all there is, and what a new program could have of it. */
  memory: Schema.optionalKey(Memory)
})

/** @category models @since 0.1.0 */
export type HostStatus = typeof HostStatus.Type

/** What can be read from a host, which has no place on the screen by itself. @category models @since 0.1.0 */
export type Host = Omit<HostStatus, "x" | "y">

/** All that a packet of the course has room for. @category models @since 0.1.0 */
export type Place = Pick<HostStatus, "x" | "y">

/** Where a name is first, in the second edition of the course. @category constants @since 0.1.0 */
export const start: Place = { x: 40, y: 12 }

/** The last column and the last row a name can be moved to; the first are 0. @category constants @since 0.1.0 */
export const bounds: Place = { x: 75, y: 23 }

/** What a packet of the course can tell. @category conversions @since 0.1.0 */
export const toCourse = ({ x, y }: Place): Place => ({ x, y })

/** What a packet of the course tells. @category conversions @since 0.1.0 */
export const fromCourse = ({ x, y }: Place): HostStatus => ({ x, y })

const steps = { Left: [-1, 0], Right: [1, 0], Up: [0, -1], Down: [0, 1] } as const

/** A cursor key. @category models @since 0.1.0 */
export type Key = keyof typeof steps

const within = (value: number, most: number) => Math.min(Math.max(value, 0), most)

/**
 * One step to where the key points, as far as the screen goes; the rest stays as it is.
 *
 * @category transitions
 * @since 0.1.0
 */
export const move = <A extends Place>(status: A, key: Key): A => {
  const [right, down] = steps[key]
  return { ...status, x: within(status.x + right, bounds.x), y: within(status.y + down, bounds.y) }
}
