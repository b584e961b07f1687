/** One game of hangman: a word, what was tried, the lives that are left. Pure, and no larger than its word. */

/** A game. @category models @since 0.1.0 */
export interface Game {
  /** Letters `a` to `z` only. */
  readonly word: string
  /** The letters tried, as bits: `a` is 1, `b` 2, `c` 4. */
  readonly tried: number
  /** What is left of `most`; 0 is lost. */
  readonly lives: number
  readonly most: number
}

/**
 * What a guess did. `Repeated` and `Ignored` cost nothing: a letter tried before, and what is no guess at all.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome = "Right" | "Wrong" | "Repeated" | "Ignored"

/** Whether a game goes on. @category models @since 0.1.0 */
export type Phase = "playing" | "won" | "lost"

/** The lives a game may have: 1 to 26, since after 26 letters every word is known. @category constants @since 0.1.0 */
export const mostLives = 26

const A = 97

const bitOf = (letter: string) => {
  const at = letter.charCodeAt(0) - A
  return at >= 0 && at < 26 ? 1 << at : 0
}

const lettersOf = (word: string) => {
  let bits = 0
  for (let i = 0; i < word.length; i++) bits |= 1 << (word.charCodeAt(i) - A)
  return bits
}

/** A new game. @category constructors @since 0.1.0 */
export const make = (word: string, lives: number): Game => ({ word, tried: 0, lives, most: lives })

/** Won needs a life: the last one lost is the end, whatever is known. @category getters @since 0.1.0 */
export const phase = ({ lives, tried, word }: Game): Phase =>
  lives <= 0 ? "lost" : (lettersOf(word) & ~tried) === 0 ? "won" : "playing"

/** The word as the player knows it, `-` for a letter that is not. @category getters @since 0.1.0 */
export const mask = ({ tried, word }: Game): string => {
  let text = ""
  for (const letter of word) text += (tried & bitOf(letter)) === 0 ? "-" : letter
  return text
}

/** The letters tried, in the order of the alphabet. @category getters @since 0.1.0 */
export const tried = (game: Game): string => {
  let text = ""
  for (let i = 0; i < 26; i++) if ((game.tried & (1 << i)) !== 0) text += String.fromCharCode(A + i)
  return text
}

/** Lives lost so far. @category getters @since 0.1.0 */
export const wrong = ({ lives, most }: Game): number => most - lives

const cost = (game: Game, bit: number): Game => ({ ...game, tried: game.tried | bit, lives: game.lives - 1 })

/**
 * A guess as players expect it: a letter, or the whole word. A letter tried before costs nothing; a wrong word costs a
 * life, a right one wins. After the end, and for anything else, `Ignored`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const guess = (game: Game, text: string): readonly [Game, Outcome] => {
  if (phase(game) !== "playing") return [game, "Ignored"]
  if (text.length > 1 && text.length === game.word.length) {
    if (text === game.word) return [{ ...game, tried: game.tried | lettersOf(text) }, "Right"]
    return /^[a-z]+$/.test(text) ? [cost(game, 0), "Wrong"] : [game, "Ignored"]
  }
  const bit = text.length === 1 ? bitOf(text) : 0
  if (bit === 0) return [game, "Ignored"]
  if ((game.tried & bit) !== 0) return [game, "Repeated"]
  return game.word.includes(text) ? [{ ...game, tried: game.tried | bit }, "Right"] : [cost(game, bit), "Wrong"]
}

/**
 * A guess as the old servers take it: a letter of the word is right, as often as it comes; anything else costs a life,
 * also a letter that was wrong before, a capital, a digit, the end of an empty line.
 *
 * @category combinators
 * @since 0.1.0
 */
export const guessStrictly = (game: Game, character: string): Game => {
  if (phase(game) !== "playing") return game
  const bit = bitOf(character)
  return bit !== 0 && game.word.includes(character) ? { ...game, tried: game.tried | bit } : cost(game, bit)
}
