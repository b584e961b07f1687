/** Letters, word and gallows of a hangman game, as the page draws them. Pure. */

/** A game of hangman, as the process sends it. */
export interface Hangman {
  readonly word?: string | undefined
  readonly lives: number
  readonly initialLives: number
  /** Letters tried, in alphabetical order. */
  readonly tried: string
  readonly message: ReadonlyArray<string>
  readonly prompt: "name" | "guess" | "again" | "bye"
}

/** Letters of the keyboard. */
export const alphabet: ReadonlyArray<string> = Array.from("abcdefghijklmnopqrstuvwxyz")

/** Parts of the drawing, in the order in which they appear. */
export const parts = [
  "ground",
  "post",
  "beam",
  "rope",
  "head",
  "body",
  "left arm",
  "right arm",
  "left leg",
  "right leg"
] as const

/** Returns the number of parts that are drawn: none with all lives, all without any. */
export const countParts = ({ initialLives, lives }: Pick<Hangman, "initialLives" | "lives">): number =>
  initialLives <= 0
    ? 0
    : Math.max(0, Math.min(parts.length, Math.floor(((initialLives - lives) * parts.length) / initialLives)))

/** Result of a game: a game without lives is lost, a complete word with lives left is won. */
export const outcomeOf = ({ initialLives, lives, word }: Hangman): "won" | "lost" | undefined => {
  if (word === undefined || initialLives === 0) return undefined
  return lives <= 0 ? "lost" : word.includes("-") ? undefined : "won"
}

/** State of a letter of the keyboard. */
export type LetterState = "untried" | "right" | "wrong"

/** Returns the state of a letter. */
export const stateOf = ({ tried, word = "" }: Pick<Hangman, "tried" | "word">, letter: string): LetterState =>
  !tried.includes(letter) ? "untried" : word.includes(letter) ? "right" : "wrong"

/** Returns the letters of the word; those that the player did not find are marked once the game is lost. */
export const lettersOf = ({
  tried,
  word = ""
}: Pick<Hangman, "tried" | "word">): ReadonlyArray<{ readonly text: string; readonly isFound: boolean }> =>
  Array.from(word, (text) => ({ text: text === "-" ? "" : text, isFound: text !== "-" && tried.includes(text) }))

/** Returns the word for a screen reader. */
export const spell = (word: string): string =>
  `Word of ${word.length} letters: ${Array.from(word, (letter) => (letter === "-" ? "blank" : letter)).join(", ")}`

/** Returns the letter that a key guesses; undefined for keys that are not letters, or part of a shortcut. */
export const letterOf = (event: {
  readonly key: string
  readonly ctrlKey: boolean
  readonly metaKey: boolean
  readonly altKey: boolean
}): string | undefined => {
  const letter = event.key.toLowerCase()
  return event.ctrlKey || event.metaKey || event.altKey || !/^[a-z]$/.test(letter) ? undefined : letter
}

/** A row of the scoreboard. */
export interface ScoreRow {
  readonly rank: number
  readonly wins: number
  readonly games: number
  readonly wrong: number
  readonly name: string
}

const rowPattern = /^ *(\d{1,9}) +(\d{1,15}) +(\d{1,15}) +(\d{1,15}) {2}(.*)$/

/** A scoreboard: a sentence with the totals, and the best players. */
export interface Scoreboard {
  readonly totals: string
  readonly rows: ReadonlyArray<ScoreRow>
}

/** Returns the scoreboard of a message; undefined for any other message. */
export const scoreboardOf = ([totals = "", , ...lines]: ReadonlyArray<string>): Scoreboard | undefined => {
  if (!/^Games \d{1,15}, won \d{1,15}, players \d{1,15}\.$/.test(totals)) return undefined
  const rows = lines.flatMap((line) => {
    const [, rank, wins, games, wrong, name] = rowPattern.exec(line) ?? []
    return name === undefined
      ? []
      : [{ rank: Number(rank), wins: Number(wins), games: Number(games), wrong: Number(wrong), name }]
  })
  return { totals, rows }
}
