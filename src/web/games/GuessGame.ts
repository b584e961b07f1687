/**
 * Number guessing that a browser plays: verdicts of the server in, the range that is left out. Pure.
 *
 * The server takes one read as one guess. So a guess is sent when the one before it has been answered.
 */
import * as Guess from "../../guess/Guess.ts"
import * as GuessClient from "../../guess/GuessClient.ts"
import * as GameMachine from "./GameMachine.ts"

/** A guess with the reply of the server. */
interface Answered {
  readonly text: string
  readonly verdict: string
}

/** State of a player. */
export interface State {
  /** Text after the last line end. */
  readonly unfinished: string
  /** Range that follows from the replies and from the range that was assumed. */
  readonly range: Guess.Range
  /** Range that follows from the replies alone. */
  readonly replied: Guess.Range
  /** Guesses without a reply; the first one was sent. */
  readonly waiting: ReadonlyArray<string>
  readonly guesses: ReadonlyArray<Answered>
  /** Lines that are not replies to a guess. */
  readonly lines: ReadonlyArray<string>
}

/** Largest number of guesses that wait for the reply to the one before. */
const maxWaitingGuesses = 8

/** Capacity of the history of guesses, and of other lines. */
const maxKeptLines = 100

const verdicts: ReadonlySet<string> = new Set<Guess.Verdict>(["too big", "too small", "correct!"])
const isVerdict = (line: string): line is Guess.Verdict => verdicts.has(line)

const anyRange: Guess.Range = { min: 1, max: Guess.maxNumber }

/** Range of a server that does not announce it: the default of number guessing. */
const assumedRange: Guess.Range = { min: 1, max: 1_000 }

const isEmpty = ({ max, min }: Guess.Range) => min > max

/** Returns the first range that is not empty: with the assumed limits, by the replies alone, or any. */
const firstLeft = (range: Guess.Range, replied: Guess.Range) =>
  isEmpty(range) ? (isEmpty(replied) ? anyRange : replied) : range

const onVerdict = (state: State, verdict: Guess.Verdict): State => {
  const [text = "", ...waiting] = state.waiting
  const guess = Guess.atoi(text)
  const replied = GuessClient.narrow(state.replied, guess, verdict)
  return {
    ...state,
    waiting,
    range: firstLeft(GuessClient.narrow(state.range, guess, verdict), replied),
    replied: isEmpty(replied) ? anyRange : replied,
    guesses: [...state.guesses, { text, verdict }].slice(-maxKeptLines)
  }
}

const onLine = (state: State, line: string): State => {
  if (isVerdict(line) && state.waiting.length > 0) return onVerdict(state, line)
  return line === "" ? state : { ...state, lines: [...state.lines, GameMachine.showLine(line)].slice(-maxKeptLines) }
}

/** Applies text of the server. The next guess is sent after the reply to the one before. */
const receive = (before: State, text: string): GameMachine.Step<State> => {
  const [lines, unfinished] = GameMachine.splitLines(before.unfinished + text)
  const state: State = { ...lines.reduce(onLine, before), unfinished }
  const isAnswered = state.waiting.length < before.waiting.length
  return [state, isAnswered && state.waiting.length > 0 ? `${state.waiting[0]}\n` : ""]
}

const step: GameMachine.GameMachine<State>["step"] = (state, event) => {
  switch (event._tag) {
    case "Opened":
      return [state, ""]
    case "Said": {
      const waiting = [...state.waiting, event.line.trim()]
      return [{ ...state, waiting }, waiting.length === 1 ? `${waiting[0]}\n` : ""]
    }
    case "Received":
      return receive(state, event.text)
  }
}

const problemOf = ({ guesses, waiting }: State, line: string): string | undefined => {
  if (!/^\s*[+-]?\d{1,20}\s*$/.test(line)) return "a guess is a whole number, such as 500"
  if (guesses.at(-1)?.verdict === "correct!") return "the number is found: start a new game"
  return waiting.length >= maxWaitingGuesses ? `${maxWaitingGuesses} guesses wait for the server: try again` : undefined
}

/** Returns the machine of a player. `range` is that of the server. */
export const machine = (range: Guess.Range = assumedRange): GameMachine.GameMachine<State> => ({
  initial: { unfinished: "", range, replied: anyRange, waiting: [], guesses: [], lines: [] },
  step,
  problemOf,
  view: ({ guesses, lines, range }) =>
    lines.length > 0
      ? { _tag: "Lines", lines: [...guesses.map(({ text, verdict }) => `${text}: ${verdict}`), ...lines] }
      : { _tag: "Guess", ...range, guesses }
})
