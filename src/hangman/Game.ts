/** State of one game of hangman and its rules. It is pure, and small: the word and three numbers. */

/** State of a game. @category models @since 0.1.0 */
export interface Game {
  /** Letters `a` to `z` only. */
  readonly word: string
  /** Set of the letters tried, as bits: `a` is 1, `b` 2, `c` 4. */
  readonly tried: number
  /** Lives left, from `initialLives` down; the game is lost at 0. */
  readonly lives: number
  readonly initialLives: number
}

/**
 * Result of a guess. `Repeated` is a letter that was tried before, `Ignored` an invalid guess; neither costs a life.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome = "Right" | "Wrong" | "Repeated" | "Ignored"

/** Phase of a game. @category models @since 0.1.0 */
export type Phase = "playing" | "won" | "lost"

/** Limit for the lives of a game: after 26 letters every word is known. @category constants @since 0.1.0 */
export const maxLives = 26

const letterACode = 97

const bitOf = (letter: string) => {
  const at = letter.charCodeAt(0) - letterACode
  return at >= 0 && at < 26 ? 1 << at : 0
}

const letterSetOf = (word: string) => {
  let bits = 0
  for (let i = 0; i < word.length; i++) bits |= 1 << (word.charCodeAt(i) - letterACode)
  return bits
}

/** Returns a new game. @category constructors @since 0.1.0 */
export const make = (word: string, lives: number): Game => ({ word, tried: 0, lives, initialLives: lives })

/** Returns the phase. A game without lives is lost, even if all letters are known. @category getters @since 0.1.0 */
export const phase = ({ lives, tried, word }: Game): Phase =>
  lives <= 0 ? "lost" : (letterSetOf(word) & ~tried) === 0 ? "won" : "playing"

/** Returns the word with `-` for every letter that was not found. @category getters @since 0.1.0 */
export const mask = ({ tried, word }: Game): string => {
  let text = ""
  for (const letter of word) text += (tried & bitOf(letter)) === 0 ? "-" : letter
  return text
}

/** Returns the letters tried, in alphabetical order. @category getters @since 0.1.0 */
export const tried = (game: Game): string => {
  let text = ""
  for (let i = 0; i < 26; i++) if ((game.tried & (1 << i)) !== 0) text += String.fromCharCode(letterACode + i)
  return text
}

/** Returns the number of wrong guesses: the lives lost so far. @category getters @since 0.1.0 */
export const wrong = ({ lives, initialLives }: Game): number => initialLives - lives

const loseLife = (game: Game, bit: number): Game => ({ ...game, tried: game.tried | bit, lives: game.lives - 1 })

/**
 * Applies a guess by the friendly rules: one letter, or the whole word. A repeated letter costs no life. A wrong word
 * costs a life, the right word wins. Any other text is ignored, and so is every guess after the end.
 *
 * @category combinators
 * @since 0.1.0
 */
export const guess = (game: Game, text: string): readonly [Game, Outcome] => {
  if (phase(game) !== "playing") return [game, "Ignored"]
  if (text.length > 1 && text.length === game.word.length) {
    if (text === game.word) return [{ ...game, tried: game.tried | letterSetOf(text) }, "Right"]
    return /^[a-z]+$/.test(text) ? [loseLife(game, 0), "Wrong"] : [game, "Ignored"]
  }
  const bit = text.length === 1 ? bitOf(text) : 0
  if (bit === 0) return [game, "Ignored"]
  if ((game.tried & bit) !== 0) return [game, "Repeated"]
  return game.word.includes(text) ? [{ ...game, tried: game.tried | bit }, "Right"] : [loseLife(game, bit), "Wrong"]
}

/**
 * Applies a guess by the rules of the course's server. A letter of the word is right, also when it is repeated. Any
 * other character costs a life: a letter that was wrong before, a capital, a digit, the line feed of an empty line.
 *
 * @category combinators
 * @since 0.1.0
 */
export const guessStrictly = (game: Game, character: string): Game => {
  if (phase(game) !== "playing") return game
  const bit = bitOf(character)
  return bit !== 0 && game.word.includes(character) ? { ...game, tried: game.tried | bit } : loseLife(game, bit)
}
