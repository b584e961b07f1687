/**
 * Block numbers: 16 bits on the wire; in memory blocks are counted from 1 without rollover.
 *
 * No RFC defines the number after 65,535. Most peers continue with 0, some with 1, so numbers repeat after 65,536 or
 * after 65,535 blocks.
 *
 * ```
 * block          1   2  ...  65535  65536  65537  ...  131070  131071  131072
 * rollover to 0  1   2  ...  65535      0      1  ...   65534   65535       0
 * rollover to 1  1   2  ...  65535      1      2  ...   65535       1       2
 * ```
 */

/** The number that follows 65,535 on the wire. @category models @since 0.1.0 */
export type Rollover = 0 | 1

/** The largest number on the wire. @category constants @since 0.1.0 */
export const max = 0xffff

/**
 * Returns the number of a block on the wire. Block 0, which an ACK may name before there is any data, is 0.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toWire = (rollover: Rollover, block: number): number =>
  block <= max ? block : rollover === 0 ? block % (max + 1) : ((block - 1) % max) + 1

/**
 * Returns the distance from a block forward to a number on the wire: 0 for its own number, at most 65,535. A number
 * behind the block has a large distance, so a caller that knows its window can distinguish them. Infinity if no block
 * has that number: 0, after the start, if numbers roll over to 1.
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
 * Returns the distance from a block back to a number on the wire: 0 for its own number.
 *
 * @category conversions
 * @since 0.1.0
 */
export const behind = (rollover: Rollover, block: number, wire: number): number => {
  const distance = ahead(rollover, block, wire)
  return distance === 0 ? 0 : max + 1 - rollover - distance
}
