/** State of a player of number guessing: the range that is left, and the number of guesses. Pure. */

import * as Guess from "../../../guess/Guess.ts"
import * as GuessClient from "../../../guess/GuessClient.ts"
import * as Quantity from "../../../network/Quantity.ts"

/** State of the player. */
export interface State {
  /** Range that follows from the replies and from the flags of the command. */
  readonly range: Guess.Range
  /** Range that follows from the replies alone. */
  readonly replied: Guess.Range
  readonly guesses: number
}

const anyRange: Guess.Range = { min: 1, max: Guess.maxNumber }

const isEmpty = ({ max, min }: Guess.Range) => min > max

/** Returns the state before the first guess. */
export const initial = (range: Guess.Range): State => ({ range, replied: anyRange, guesses: 0 })

const formatRange = ({ max, min }: Guess.Range) => (max === Guess.maxNumber ? `${min} or more` : `${min} to ${max}`)

/** Returns the first line on a terminal. */
export const greeting = ({ range }: State) => `Guess a whole number, ${formatRange(range)}. Ctrl-D leaves.`

/** Returns the prompt on a terminal. */
export const prompt = ({ range }: State) =>
  range.min === range.max ? `it is ${range.min}? ` : `${formatRange(range)}? `

/** Returns why a line is not worth a guess, or undefined if it is. */
export const problemOf = ({ range }: State, line: string): string | undefined => {
  if (!/^\s*[+-]?\d+\s*$/.test(line)) return `A guess is a whole number, ${formatRange(range)}.`
  const guess = Guess.atoi(line)
  return guess >= range.min && guess <= range.max ? undefined : `${guess} cannot be it: it is ${formatRange(range)}.`
}

/** Applies the reply to a guess. Returns the next state, and a remark if the reply contradicts what was known. */
export const afterReply = (
  { guesses, range, replied }: State,
  guess: number,
  verdict: Guess.Verdict
): readonly [State, remark?: string] => {
  const next: State = {
    range: GuessClient.narrow(range, guess, verdict),
    replied: GuessClient.narrow(replied, guess, verdict),
    guesses: guesses + 1
  }
  if (isEmpty(next.replied)) {
    return [{ ...next, range: anyRange, replied: anyRange }, "The replies of the server contradict each other."]
  }
  if (!isEmpty(next.range)) return [next]
  return [{ ...next, range: next.replied }, "The server has another range of numbers: --min and --max set it here."]
}

/** Returns the last line on a terminal. */
export const summary = ({ guesses }: State) => Quantity.format(guesses, "guess", "guesses")
