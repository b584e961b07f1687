/**
 * Reproducible random numbers: each is a hash of a seed, of its purpose and of an index. Draws share no state, so those
 * of one rule do not depend on the other rules.
 */

/** A seed; equal seeds repeat a run. @category models @since 0.1.0 */
export type Seed = number | string

/** Finaliser of MurmurHash3: every bit of the input flips half of the bits of the output. */
const mix = (input: number): number => {
  let state = input
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35)
  return (state ^ (state >>> 16)) >>> 0
}

/** Hashes a text with FNV-1a over UTF-16 units. @category hashing @since 0.1.0 */
export const hash = (text: string): number => {
  let state = 0x811c9dc5
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193)
  return mix(state)
}

/**
 * Returns the number at `index` in one stream of a key: in [0, 1), in steps of 2^-32.
 *
 * @category hashing
 * @since 0.1.0
 */
export const draw = (key: number, index: number, stream: number): number =>
  mix(mix(key ^ Math.imul(index, 0x9e3779b1)) + stream) / 0x1_0000_0000

/** Creates a generator of numbers in [0, 1). @category constructors @since 0.1.0 */
export const sequence = (seed: Seed): (() => number) => {
  const key = hash(`${seed}`)
  let index = 0
  return () => draw(key, index++, 0)
}
