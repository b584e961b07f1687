/** Hangman: the gallows, the word, a keyboard of buttons and of keys, and the messages of the server. */
import type { ComponentChild } from "preact"
import { useEffect, useRef } from "preact/hooks"
import * as Format from "../Format.ts"
import { Gallows } from "./Gallows.tsx"
import * as Letters from "./Letters.ts"
import { LineForm, Result } from "./parts.tsx"

/** Longest name of a player, and longest word, that the server takes. */
const maxNameChars = 20
const maxWordChars = 60

/** Tests if a key is typed into a control that takes text. */
const isTyped = (target: EventTarget | null) =>
  target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement

/** Guesses the letters that are typed anywhere on the page. */
const useTypedLetters = (isActive: boolean, onLetter: (letter: string) => void) => {
  const latest = useRef(onLetter)
  latest.current = onLetter
  useEffect(() => {
    if (!isActive) return
    const listen = (event: KeyboardEvent) => {
      const letter = Letters.letterOf(event)
      if (letter === undefined || event.repeat || isTyped(event.target)) return
      event.preventDefault()
      latest.current(letter)
    }
    addEventListener("keydown", listen)
    return () => removeEventListener("keydown", listen)
  }, [isActive])
}

const Word = ({ game }: { readonly game: Letters.Hangman }) => {
  const { word = "" } = game
  const isOver = Letters.outcomeOf(game) !== undefined
  return (
    <p class="hangman-word" style={{ "--letters": word.length }}>
      <span class="visually-hidden">{Letters.spell(word)}</span>
      {Letters.lettersOf(game).map(({ isFound, text }, at) => (
        <span
          key={at}
          class={isOver && !isFound ? "hangman-letter hangman-missed" : "hangman-letter"}
          aria-hidden="true"
        >
          {text}
        </span>
      ))}
    </p>
  )
}

const labels: Readonly<Record<Letters.LetterState, string>> = {
  untried: "",
  right: ", in the word",
  wrong: ", not in the word"
}

const Keyboard = (props: {
  readonly game: Letters.Hangman
  readonly isActive: boolean
  readonly onLetter: (letter: string) => void
}) => (
  <fieldset class="hangman-keys">
    <legend class="visually-hidden">Letters</legend>
    {Letters.alphabet.map((letter) => {
      const state = Letters.stateOf(props.game, letter)
      const isOff = state !== "untried" || !props.isActive
      return (
        <button
          key={letter}
          type="button"
          class={`hangman-key hangman-${state}`}
          // Not `disabled`: the focus stays on the letter that was guessed.
          aria-disabled={isOff}
          // After the end Tab leads to the next game at once.
          tabIndex={props.isActive ? 0 : -1}
          aria-label={`${letter}${labels[state]}`}
          onClick={() => {
            if (!isOff) props.onLetter(letter)
          }}
        >
          {letter}
        </button>
      )
    })}
  </fieldset>
)

const ScoreTable = ({ rows }: { readonly rows: ReadonlyArray<Letters.ScoreRow> }) => (
  <div class="table-box">
    <table class="table">
      <caption class="visually-hidden">Best players</caption>
      <thead>
        <tr>
          <th scope="col" class="number">
            Rank
          </th>
          <th scope="col">Name</th>
          <th scope="col" class="number">
            Wins
          </th>
          <th scope="col" class="number">
            Games
          </th>
          <th scope="col" class="number">
            Wrong
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ games, name, rank, wins, wrong }) => (
          <tr key={rank}>
            <td class="number">{rank}</td>
            <th scope="row" class="wrap">
              {name}
            </th>
            <td class="number">{wins}</td>
            <td class="number">{games}</td>
            <td class="number">{wrong}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
)

const BestPlayers = (props: {
  readonly scores: Letters.Scoreboard | undefined
  readonly onAsk: (() => void) | undefined
}) => (
  <section class="panel stack hangman-scores" aria-labelledby="hangman-best">
    <h2 id="hangman-best">Best players</h2>
    {props.scores !== undefined && (
      <div role="status">
        <p class="muted small">{props.scores.totals}</p>
        {props.scores.rows.length > 0 && <ScoreTable rows={props.scores.rows} />}
      </div>
    )}
    {props.onAsk !== undefined && (
      <div>
        <button type="button" class="button" onClick={props.onAsk}>
          {props.scores === undefined ? "Show the best players" : "Show them as they are now"}
        </button>
      </div>
    )}
  </section>
)

const outcomeTones = { won: "good", lost: "bad" } as const

const Message = (props: {
  readonly game: Letters.Hangman
  readonly number: number
  readonly lines: ReadonlyArray<string>
}) => {
  const outcome = Letters.outcomeOf(props.game)
  return (
    <Result number={props.number} tone={outcome === undefined ? "plain" : outcomeTones[outcome]}>
      {props.lines.map((line, at) => (
        <p key={at}>{line}</p>
      ))}
    </Result>
  )
}

const Lives = ({ initialLives, lives, tried }: Letters.Hangman) => (
  <div class="hangman-lives muted">
    <p>
      Lives <strong class={lives * 4 <= initialLives ? "hangman-few" : undefined}>{lives}</strong> of {initialLives}
    </p>
    <p class="small">{Format.plural(tried.length, "letter")} tried</p>
  </div>
)

/** Controls for the input that the server waits for. */
const Controls = ({ game, say }: { readonly game: Letters.Hangman; readonly say: (line: string) => void }) => {
  switch (game.prompt) {
    case "name":
      return (
        <LineForm
          key="name"
          label="Your name, for the scoreboard"
          button="Play"
          maxLength={maxNameChars}
          autoComplete="nickname"
          onLine={say}
        >
          <button type="button" class="button" onClick={() => say("")}>
            Play as a guest
          </button>
        </LineForm>
      )
    case "guess":
      return (
        <LineForm
          key="guess"
          label="The whole word, if you know it"
          button="Guess the word"
          maxLength={maxWordChars}
          isPrimary={false}
          problemOf={(line) => (line.trim() === "" ? "Type the word, or press a letter." : undefined)}
          onLine={say}
        />
      )
    case "again":
      return (
        <div class="row">
          <button type="button" class="button button-primary" data-first onClick={() => say("yes")}>
            Play again
          </button>
          <button type="button" class="button" onClick={() => say("no")}>
            Leave
          </button>
        </div>
      )
    case "bye":
      return null
  }
}

/** Keeps the latest message about the game, and the latest scoreboard: the server sends one or the other. */
const useMessages = (game: Letters.Hangman, number: number) => {
  const kept = useRef<{
    lines: ReadonlyArray<string>
    number: number
    source?: ReadonlyArray<string>
    scores?: Letters.Scoreboard
  }>({ lines: [], number: 0 })
  if (kept.current.source !== game.message) {
    const scores = Letters.scoreboardOf(game.message)
    kept.current =
      scores === undefined
        ? { ...kept.current, source: game.message, lines: game.message, number }
        : { ...kept.current, source: game.message, scores }
  }
  return kept.current
}

/** A game of hangman. `number` is that of the view: each view is announced. */
export const HangmanBoard = (props: {
  readonly game: Letters.Hangman
  readonly number: number
  readonly isRunning: boolean
  readonly say: (line: string) => void
  readonly foot: ComponentChild
}) => {
  const { game, isRunning, say } = props
  const panel = useRef<HTMLDivElement>(null)
  const isGuessing = isRunning && game.prompt === "guess"
  const canAsk = isRunning && game.prompt !== "bye"
  const { lines, number, scores } = useMessages(game, props.number)
  useTypedLetters(isGuessing, say)
  // The control that had the focus is gone when the server waits for another input, or is a letter of an ended game.
  useEffect(() => {
    const { activeElement } = document
    const isLetter = activeElement?.classList.contains("hangman-key") === true && game.prompt !== "guess"
    const isFree = activeElement === null || activeElement === document.body || activeElement === panel.current
    if (!isFree && !isLetter) return
    const first = panel.current?.querySelector<HTMLElement>("[data-first]") ?? panel.current
    if (props.number > 1) first?.focus()
  }, [game.prompt])
  return (
    <div class="hangman-layout">
      <div ref={panel} class="panel hangman" tabIndex={-1}>
        {game.word !== undefined && (
          <div class="hangman-picture">
            <Gallows lives={game.lives} initialLives={game.initialLives} />
            <Lives {...game} />
          </div>
        )}
        <div class="stack hangman-play">
          {game.word !== undefined && <Word game={game} />}
          <Message game={game} number={number} lines={lines} />
          {game.word !== undefined && <Keyboard game={game} isActive={isGuessing} onLetter={say} />}
          {isGuessing && <p class="hint muted small">Letters can be typed anywhere on the page.</p>}
          {isRunning && <Controls game={game} say={say} />}
          {props.foot}
        </div>
      </div>
      <BestPlayers scores={scores} onAsk={canAsk ? () => say("top") : undefined} />
    </div>
  )
}
