/**
 * Word lists with a difficulty for each word, from which a word is drawn in constant time.
 *
 * A list keeps the bytes of its file and an index of the start of each word. A list of 400,000 words costs one pass
 * over its bytes, and no string except the word that is drawn.
 */
import * as WordList from "./WordList.ts"

const difficulties = ["easy", "medium", "hard"] as const

/** Difficulty of a word; see `difficultyOf`. @category models @since 0.1.0 */
export type Difficulty = (typeof difficulties)[number]

/** Word list. @category models @since 0.1.0 */
export interface Words {
  readonly size: number
  /** Number of invalid lines: other characters than letters, fewer than 2 or more than 32 letters. */
  readonly skipped: number
  /** Number of words of each difficulty. */
  readonly sizes: Readonly<Record<Difficulty, number>>
  /**
   * Returns the word for a random number from 0 to 2^32 - 1. All words of the difficulty are equally likely. Undefined
   * if there are none.
   */
  readonly choose: (random: number, difficulty?: Difficulty | undefined) => string | undefined
}

/** Limits for the number of letters of a word. @category constants @since 0.1.0 */
export const wordLength = { min: 2, max: 32 } as const

const letterACode = 97
const lineFeedCode = 10

/** Points of the letters `a` to `z`: the rarer in English words, the more. */
const rarityPoints = Uint8Array.from("02110221052110015000122424", Number)

/** Tables by byte: the bit of a letter (upper or lower case), its points, and 1 for a blank. 0 for other bytes. */
const letterBits = new Uint32Array(256)
const rarity = new Uint8Array(256)
const isBlank = new Uint8Array(256)
for (let i = 0; i < 26; i++) {
  letterBits[letterACode + i] = letterBits[letterACode - 32 + i] = 1 << i
  rarity[letterACode + i] = rarity[letterACode - 32 + i] = rarityPoints[i]!
}
for (const byte of [9, 11, 12, 13, 32]) isBlank[byte] = 1

const mediumFromPoints = 6
const hardFromPoints = 8

/** Returns the index in `difficulties`, from the points of the distinct letters and the length. */
const rank = (rare: number, size: number) => {
  const sum = rare + Math.max(0, 10 - size)
  return sum < mediumFromPoints ? 0 : sum < hardFromPoints ? 1 : 2
}

/**
 * Returns the difficulty of a word, from the sum of two terms. The first is 10 minus its length, at least 0: each
 * position is a chance to guess right. The second is the points of its distinct letters: 0 for a, e, i, n, o, r, s and
 * t, up to 5 for j and q. Up to 5 points are easy, 6 and 7 medium, more are hard.
 *
 * @category getters
 * @since 0.1.0
 */
export const difficultyOf = (word: string): Difficulty => {
  let rare = 0
  for (const one of new Set(word)) rare += rarity[one.charCodeAt(0)] ?? 0
  return difficulties[rank(rare, word.length)]!
}

const grow = (index: Uint32Array) => {
  const grown = new Uint32Array(index.length * 2)
  grown.set(index)
  return grown
}

/**
 * Parses a list with one word per line, ended by LF or CR LF. Blanks around a word are ignored, upper case is converted
 * to lower case. Lines with anything else than `a` to `z` are skipped and counted; empty lines are ignored. A word that
 * occurs twice is drawn twice as often.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (list: Uint8Array): Words => {
  // A line feed after the last byte saves a bounds check at every byte.
  const bytes = new Uint8Array(list.length + 1)
  bytes.set(list)
  bytes[list.length] = lineFeedCode
  let index = new Uint32Array(1 + list.length / 8)
  const counts = new Uint32Array(3)
  let size = 0
  let skipped = 0
  const hasByteOrderMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
  for (let at = hasByteOrderMark ? 3 : 0; at < bytes.length; at++) {
    while (isBlank[bytes[at]!] !== 0) at++
    const from = at
    let letters = 0
    let rare = 0
    for (let bit = letterBits[bytes[at]!]!; bit !== 0; bit = letterBits[bytes[++at]!]!) {
      if ((letters & bit) !== 0) continue
      letters |= bit
      rare += rarity[bytes[at]!]!
    }
    const count = at - from
    while (isBlank[bytes[at]!] !== 0) at++
    const whole = bytes[at] === lineFeedCode
    while (bytes[at] !== lineFeedCode) at++
    if (whole && count >= wordLength.min && count <= wordLength.max) {
      if (size === index.length) index = grow(index)
      const rankOfWord = rank(rare, count)
      counts[rankOfWord]!++
      // The two highest bits hold the difficulty until the index is sorted.
      index[size++] = (rankOfWord << 30) | from
    } else if (!whole || count > 0) skipped++
  }
  return make(bytes, index.subarray(0, size), counts, skipped)
}

/** Sorts the index by difficulty, so that each difficulty is a range of it. */
const make = (bytes: Uint8Array, index: Uint32Array, counts: Uint32Array, skipped: number): Words => {
  const sorted = new Uint32Array(index.length)
  const ends = Uint32Array.of(0, counts[0]!, counts[0]! + counts[1]!)
  for (const entry of index) sorted[ends[entry >>> 30]!++] = entry & 0x3fff_ffff
  const size = index.length
  const range = (difficulty: Difficulty | undefined) => {
    if (difficulty === undefined) return [0, size] as const
    const of = difficulties.indexOf(difficulty)
    return [ends[of]! - counts[of]!, counts[of]!] as const
  }
  return {
    size,
    skipped,
    sizes: { easy: counts[0]!, medium: counts[1]!, hard: counts[2]! },
    choose: (random, difficulty) => {
      const [first, count] = range(difficulty)
      if (count === 0) return undefined
      const from = sorted[first + Math.floor((random / 2 ** 32) * count)]!
      let word = ""
      for (let at = from; letterBits[bytes[at]!] !== 0; at++) word += String.fromCharCode(bytes[at]! | 32)
      return word
    }
  }
}

/** Returns the built-in list. @category constructors @since 0.1.0 */
export const builtIn = (): Words => parse(new TextEncoder().encode(WordList.text.replaceAll(" ", "\n")))

/**
 * Returns the random number of a client's game, 0 to 2^32 - 1, from the client's seed and the number of the game.
 * Similar seeds and numbers give values far apart (the finalizer of MurmurHash3).
 *
 * @category getters
 * @since 0.1.0
 */
export const gameRandom = (seed: number, game: number): number => {
  let x = (seed + Math.imul(game, 0x9e37_79b9)) | 0
  x = Math.imul(x ^ (x >>> 16), 0x85eb_ca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2_ae35)
  return (x ^ (x >>> 16)) >>> 0
}
