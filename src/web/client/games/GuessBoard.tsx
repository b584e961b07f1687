/** Number guessing: the range that is left as a bar, the guesses, and a field for the next one. */
import type { ComponentChild } from "preact"
import { useRef } from "preact/hooks"
import * as Format from "../Format.ts"
import * as GuessRange from "./GuessRange.ts"
import { LineForm, Result } from "./parts.tsx"

/** Longest number that the server takes. */
const maxNumberChars = 11

/** Marks of the replies: the direction in which the number is. */
const marks: Readonly<Record<string, string>> = { "too big": "↓", "too small": "↑", "correct!": "✓" }

const Bar = (props: {
  readonly whole: GuessRange.Range
  readonly range: GuessRange.Range
  readonly guesses: ReadonlyArray<GuessRange.Guess>
}) => {
  const { guesses, range, whole } = props
  const { fromPercent, widthPercent } = GuessRange.barOf(whole, range)
  const label = `The number is ${GuessRange.describe(range)}, of all ${GuessRange.describe(whole)}`
  return (
    <div class="guess-bar">
      <div class="guess-track" role="img" aria-label={label}>
        <div class="guess-left" style={{ left: `${fromPercent}%`, width: `${widthPercent}%` }} />
        {guesses.map((guess, at) => {
          const percent = GuessRange.markOf(whole, guess)
          return percent === undefined ? null : <div key={at} class="guess-mark" style={{ left: `${percent}%` }} />
        })}
      </div>
      <div class="guess-ends muted small" aria-hidden="true">
        <span>{Format.count(whole.min)}</span>
        <span>{Format.count(whole.max)}</span>
      </div>
    </div>
  )
}

const Guesses = ({ guesses }: { readonly guesses: ReadonlyArray<GuessRange.Guess> }) => (
  <section class="panel" aria-labelledby="guess-history">
    <h2 id="guess-history">Guesses</h2>
    {guesses.length === 0 ? (
      <p class="muted">None yet.</p>
    ) : (
      <div class="table-box">
        <table class="table">
          <thead>
            <tr>
              <th scope="col" class="number">
                No.
              </th>
              <th scope="col" class="number">
                Guess
              </th>
              <th scope="col">Reply</th>
            </tr>
          </thead>
          <tbody>
            {guesses
              .map(({ text, verdict }, at) => (
                <tr key={at}>
                  <td class="number muted">{at + 1}</td>
                  <th scope="row" class="number">
                    {text}
                  </th>
                  <td>
                    <span
                      class={verdict === "correct!" ? "guess-verdict guess-right" : "guess-verdict"}
                      aria-hidden="true"
                    >
                      {marks[verdict] ?? "?"}
                    </span>{" "}
                    {verdict}
                  </td>
                </tr>
              ))
              .reverse()}
          </tbody>
        </table>
      </div>
    )}
  </section>
)

/** Returns the reply to the latest guess as a sentence. */
const describe = (range: GuessRange.Range, guesses: ReadonlyArray<GuessRange.Guess>) => {
  const last = guesses.at(-1)
  if (last === undefined)
    return `At most ${Format.plural(GuessRange.maxGuesses(range), "guess", "guesses")} if you halve.`
  if (GuessRange.isFound(guesses))
    return `${last.text} is correct: found with ${Format.plural(guesses.length, "guess", "guesses")}.`
  return `${last.text} is ${last.verdict}.`
}

/** A game of number guessing. */
export const GuessBoard = (props: {
  readonly range: GuessRange.Range
  readonly guesses: ReadonlyArray<GuessRange.Guess>
  readonly isRunning: boolean
  readonly say: (line: string) => void
  readonly foot: ComponentChild
}) => {
  const { guesses, isRunning, range, say } = props
  // The server does not announce its range, so the bar is as wide as all ranges of this game.
  const whole = useRef<GuessRange.Range>()
  whole.current = GuessRange.union(guesses.length === 0 ? undefined : whole.current, range)
  const isFound = GuessRange.isFound(guesses)
  const half = GuessRange.middle(range)
  return (
    <div class="guess-layout">
      <div class="panel stack">
        <p class="guess-range" aria-hidden="true">
          {isFound ? Format.count(range.min) : `${Format.count(range.min)} – ${Format.count(range.max)}`}
        </p>
        <Bar whole={whole.current} range={range} guesses={guesses} />
        <Result number={guesses.length} tone={isFound ? "good" : "plain"}>
          {describe(range, guesses)}
        </Result>
        {isRunning && !isFound && (
          <LineForm
            label={`Your guess, ${GuessRange.describe(range)}`}
            button="Guess"
            maxLength={maxNumberChars}
            isNumeric
            problemOf={(line) => GuessRange.problemOf(range, line)}
            onLine={(line) => say(line.trim())}
          >
            <button type="button" class="button" onClick={() => say(`${half}`)}>
              Halve: {Format.count(half)}
            </button>
          </LineForm>
        )}
        {props.foot}
      </div>
      <Guesses guesses={guesses} />
    </div>
  )
}
