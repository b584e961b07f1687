/**
 * The words to be guessed, graded, and chosen in constant time.
 *
 * They stay the bytes they came as, beside an index of where each begins: a list of 400,000 words costs one pass over
 * its bytes and no string but the one that is chosen.
 */
import * as WordList from "./WordList.ts"

const grades = ["easy", "medium", "hard"] as const

/** How hard a word is; see `grade`. @category models @since 0.1.0 */
export type Grade = (typeof grades)[number]

/** A list of words. @category models @since 0.1.0 */
export interface Words {
  readonly size: number
  /** Lines that are no word: blanks or other characters inside, fewer than 2 or more than 32 letters. */
  readonly skipped: number
  /** How many there are of each grade. */
  readonly sizes: Readonly<Record<Grade, number>>
  /** A word for a number of 0 to 2^32 - 1; every one of the grade is as likely. Undefined if the grade has none. */
  readonly choose: (chance: number, grade?: Grade | undefined) => string | undefined
}

/** The letters a word may have. @category constants @since 0.1.0 */
export const length = { min: 2, max: 32 } as const

const A = 97
const LF = 10

/** What a letter of `a` to `z` adds to the difficulty: the rarer in English words, the more. */
const points = Uint8Array.from("02110221052110015000122424", Number)

/** By byte: the bit of a letter, capital or small, and its rarity; whether it is a blank. 0 for everything else. */
const bits = new Uint32Array(256)
const rarity = new Uint8Array(256)
const blank = new Uint8Array(256)
for (let i = 0; i < 26; i++) {
  bits[A + i] = bits[A - 32 + i] = 1 << i
  rarity[A + i] = rarity[A - 32 + i] = points[i]!
}
for (const byte of [9, 11, 12, 13, 32]) blank[byte] = 1

const easy = 6
const medium = 8

/** The grade, from the rarities of the different letters and the length. */
const rank = (rare: number, size: number) => {
  const sum = rare + Math.max(0, 10 - size)
  return sum < easy ? 0 : sum < medium ? 1 : 2
}

/**
 * How hard a word is to guess: a point for each letter that it has fewer than ten, since every place is a chance to be
 * right, and for each different letter the points of its rarity: none for a, e, i, n, o, r, s, t, ... five for j and q.
 * Up to 5 points it is easy, up to 7 medium, else hard.
 *
 * @category getters
 * @since 0.1.0
 */
export const grade = (word: string): Grade => {
  let rare = 0
  for (const one of new Set(word)) rare += rarity[one.charCodeAt(0)] ?? 0
  return grades[rank(rare, word.length)]!
}

const twice = (index: Uint32Array) => {
  const grown = new Uint32Array(index.length * 2)
  grown.set(index)
  return grown
}

/**
 * Reads a list: a word a line, LF or CRLF, blanks around it ignored, capitals made small. What is no word of `a` to `z`
 * is skipped and counted, an empty line is neither. A word that is there twice is chosen twice as often.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (list: Uint8Array): Words => {
  // The line feed at the end spares every look at a byte the question whether there is one.
  const bytes = new Uint8Array(list.length + 1)
  bytes.set(list)
  bytes[list.length] = LF
  let index = new Uint32Array(1 + list.length / 8)
  const counts = new Uint32Array(3)
  let size = 0
  let skipped = 0
  const BOM = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
  for (let at = BOM ? 3 : 0; at < bytes.length; at++) {
    while (blank[bytes[at]!] !== 0) at++
    const from = at
    let letters = 0
    let rare = 0
    for (let bit = bits[bytes[at]!]!; bit !== 0; bit = bits[bytes[++at]!]!) {
      if ((letters & bit) !== 0) continue
      letters |= bit
      rare += rarity[bytes[at]!]!
    }
    const count = at - from
    while (blank[bytes[at]!] !== 0) at++
    const whole = bytes[at] === LF
    while (bytes[at] !== LF) at++
    if (whole && count >= length.min && count <= length.max) {
      if (size === index.length) index = twice(index)
      const of = rank(rare, count)
      counts[of]!++
      // The grade waits in the two highest bits for the index to be sorted.
      index[size++] = (of << 30) | from
    } else if (!whole || count > 0) skipped++
  }
  return make(bytes, index.subarray(0, size), counts, skipped)
}

/** Sorts the index by grade, so that each grade is a range of it. */
const make = (bytes: Uint8Array, index: Uint32Array, counts: Uint32Array, skipped: number): Words => {
  const sorted = new Uint32Array(index.length)
  const ends = Uint32Array.of(0, counts[0]!, counts[0]! + counts[1]!)
  for (const entry of index) sorted[ends[entry >>> 30]!++] = entry & 0x3fff_ffff
  const size = index.length
  const range = (grade: Grade | undefined) => {
    if (grade === undefined) return [0, size] as const
    const of = grades.indexOf(grade)
    return [ends[of]! - counts[of]!, counts[of]!] as const
  }
  return {
    size,
    skipped,
    sizes: { easy: counts[0]!, medium: counts[1]!, hard: counts[2]! },
    choose: (chance, grade) => {
      const [first, count] = range(grade)
      if (count === 0) return undefined
      const from = sorted[first + Math.floor((chance / 2 ** 32) * count)]!
      let word = ""
      for (let at = from; bits[bytes[at]!] !== 0; at++) word += String.fromCharCode(bytes[at]! | 32)
      return word
    }
  }
}

/** The list that comes with the game. @category constructors @since 0.1.0 */
export const builtIn = (): Words => parse(new TextEncoder().encode(WordList.text.replaceAll(" ", "\n")))

/**
 * The chance of a client's n-th game, from the seed of the client: spreads neighbouring numbers over 0 to 2^32 - 1.
 *
 * @category getters
 * @since 0.1.0
 */
export const chance = (seed: number, game: number): number => {
  let x = (seed + Math.imul(game, 0x9e37_79b9)) | 0
  x = Math.imul(x ^ (x >>> 16), 0x85eb_ca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2_ae35)
  return (x ^ (x >>> 16)) >>> 0
}
