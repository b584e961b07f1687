/**
 * Block numbers: 16 bits on the wire, counted on from 1 without end inside.
 *
 * No RFC says what comes after 65535. Most peers go on with 0, some with 1; a number's successors therefore repeat
 * after 65536 or after 65535 blocks.
 *
 * ```
 * block          1   2  ...  65535  65536  65537  ...  131070  131071  131072
 * rollover to 0  1   2  ...  65535      0      1  ...   65534   65535       0
 * rollover to 1  1   2  ...  65535      1      2  ...   65535       1       2
 * ```
 */

/** The number that follows 65535 on the wire. @category models @since 0.1.0 */
export type Rollover = 0 | 1

/** The largest number on the wire. @category constants @since 0.1.0 */
export const max = 0xffff

/**
 * The number that a block has on the wire; block 0, which an ACK may name before there is any data, has 0.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toWire = (rollover: Rollover, block: number): number =>
  block <= max ? block : rollover === 0 ? block % (max + 1) : ((block - 1) % max) + 1

/**
 * How many blocks a number on the wire lies ahead of a block: 0 for its own, at most 65535. Whoever is behind lies far
 * ahead, so a caller that knows its window can tell them apart. Infinity where no block has that number: 0, past the
 * beginning, when numbers roll over to 1.
 *
 * @category conversions
 * @since 0.1.0
 */
export const ahead = (rollover: Rollover, block: number, wire: number): number => {
  if (block === 0) return wire
  if (rollover === 0) return (wire - block) & max
  return wire === 0 ? Infinity : (wire - toWire(1, block) + max) % max
}

/**
 * How many blocks a number on the wire lies behind a block: 0 for its own.
 *
 * @category conversions
 * @since 0.1.0
 */
export const behind = (rollover: Rollover, block: number, wire: number): number => {
  const distance = ahead(rollover, block, wire)
  return distance === 0 ? 0 : max + 1 - rollover - distance
}
