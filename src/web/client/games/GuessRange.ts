/** The range of a number guessing game as a bar that narrows. Pure. */

import * as Format from "../Format.ts"

/** Numbers from `min` to `max`, both included. */
export interface Range {
  readonly min: number
  readonly max: number
}

/** A guess with the reply of the server. */
export interface Guess {
  readonly text: string
  readonly verdict: string
}

/** Place of a range in a bar, in percent of its width. */
export interface Bar {
  readonly fromPercent: number
  readonly widthPercent: number
}

/** Returns the smallest range that holds both. */
export const union = (one: Range | undefined, other: Range): Range =>
  one === undefined
    ? other
    : one.min <= other.min && one.max >= other.max
      ? one
      : { min: Math.min(one.min, other.min), max: Math.max(one.max, other.max) }

const clampPercent = (percent: number) => Math.max(0, Math.min(100, percent))

/** Thinnest bar that can be seen. */
const minWidthPercent = 0.75

/** Returns the place of a range in the whole one. A range of one number has a bar, too. */
export const barOf = (whole: Range, { max, min }: Range): Bar => {
  const count = whole.max - whole.min + 1
  const widthPercent = Math.max(minWidthPercent, clampPercent(((max - min + 1) / count) * 100))
  const fromPercent = clampPercent(((min - whole.min) / count) * 100)
  return { fromPercent: Math.min(fromPercent, 100 - widthPercent), widthPercent }
}

/** Returns the place of a guess in the whole range, in percent; undefined outside of it. */
export const markOf = (whole: Range, { text }: Guess): number | undefined => {
  const value = Number(text)
  return value >= whole.min && value <= whole.max
    ? clampPercent(((value - whole.min + 0.5) / (whole.max - whole.min + 1)) * 100)
    : undefined
}

/** Returns the number in the middle of a range: the guess that halves it. */
export const middle = ({ max, min }: Range): number => Math.floor((min + max) / 2)

/** Returns the largest number of guesses that a player who halves the range needs. */
export const maxGuesses = ({ max, min }: Range): number => Math.floor(Math.log2(Math.max(1, max - min + 1))) + 1

/** Returns a range as words, such as `from 1 to 1,000`. */
export const describe = ({ max, min }: Range): string => `from ${Format.count(min)} to ${Format.count(max)}`

/** Returns why a text is not worth a guess, or undefined if it is. */
export const problemOf = (range: Range, text: string): string | undefined => {
  const line = text.trim()
  if (!/^[+-]?\d{1,20}$/.test(line)) return `A guess is a whole number ${describe(range)}.`
  const value = Number(line)
  return value >= range.min && value <= range.max
    ? undefined
    : `${line} cannot be it: the number is ${describe(range)}.`
}

/** Returns true if the number is found. */
export const isFound = (guesses: ReadonlyArray<Guess>): boolean => guesses.at(-1)?.verdict === "correct!"
