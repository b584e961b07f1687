/**
 * The set of blocks that a receiver has received after a missing one, as a bit set. Pure.
 *
 * A block is named by its distance from the last block in order: the missing block has distance 1, so the members have
 * distances from 2. Bit 0 stands for distance 2.
 *
 * ```
 * last in order   missing   received   missing   received
 *       0            1          2         3          4        distance
 *                           bit 0     bit 1      bit 2
 * ```
 */

/** A set of distances from 2, up to the windowsize. */
export interface OutOfOrderSet {
  readonly bits: bigint
}

/** The set without members. */
export const empty: OutOfOrderSet = { bits: 0n }

const none: readonly [run: number, rest: OutOfOrderSet] = [0, empty]

/** Returns true for a set without members. */
export const isEmpty = ({ bits }: OutOfOrderSet): boolean => bits === 0n

/** Returns true if a distance is a member. */
export const has = ({ bits }: OutOfOrderSet, distance: number): boolean => ((bits >> BigInt(distance - 2)) & 1n) === 1n

/** Adds a distance, at least 2. */
export const add = ({ bits }: OutOfOrderSet, distance: number): OutOfOrderSet => ({
  bits: bits | (1n << BigInt(distance - 2))
})

/**
 * Moves the set past the missing block, which has arrived, and past the run of members that follow it without a gap.
 * Returns the length of the run, and the other members by their distance from the end of the run.
 */
export const advance = ({ bits }: OutOfOrderSet): readonly [run: number, rest: OutOfOrderSet] => {
  if (bits === 0n) return none
  let run = 0
  let rest = bits
  for (; (rest & 1n) === 1n; rest >>= 1n) run++
  // Bit 0 is now the next missing block, with distance 1.
  return [run, { bits: rest >> 1n }]
}
