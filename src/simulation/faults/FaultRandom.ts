/**
 * Chance that can be asked again: a number is a hash of a seed, of what is drawn for, and of how many were drawn
 * before. Nothing is kept between draws, so what one rule of a plan draws does not depend on the others.
 */

/** What a run is repeated by. @category models @since 0.1.0 */
export type Seed = number | string

/** The finaliser of MurmurHash3: every bit of the input turns half of the output's. */
const mix = (input: number): number => {
  let state = input
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35)
  return (state ^ (state >>> 16)) >>> 0
}

/** FNV-1a over UTF-16 units. @category hashing @since 0.1.0 */
export const hash = (text: string): number => {
  let state = 0x811c9dc5
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193)
  return mix(state)
}

/**
 * The `index`th number of one of a key's streams, from 0 until before 1, in steps of 2^-32.
 *
 * @category hashing
 * @since 0.1.0
 */
export const draw = (key: number, index: number, stream: number): number =>
  mix(mix(key ^ Math.imul(index, 0x9e3779b1)) + stream) / 0x1_0000_0000

/** Numbers one after the other, from 0 until before 1. @category constructors @since 0.1.0 */
export const sequence = (seed: Seed): (() => number) => {
  const key = hash(`${seed}`)
  let index = 0
  return () => draw(key, index++, 0)
}
