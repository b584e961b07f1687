/**
 * The dialects `course` and `book`, byte for byte those of the course's server and of the server in its textbook.
 *
 * The server sends a line when the client connects and after every read. A read has at most 80 bytes, of which the
 * first is the guess. A line shows the masked word and the lives left. The last line shows the whole word, with 0 lives
 * if the game is lost; then the server closes the connection. Players have no names, so no scores are kept.
 *
 * One defect of the originals is not copied: at the end of input they repeat the last guess forever. This server closes
 * the connection.
 */
import type { Output, Step } from "../session/Session.ts"
import * as Game from "./Game.ts"
import type * as Scoreboard from "./Scoreboard.ts"
import type * as SessionState from "./SessionState.ts"
import { startGame } from "./SessionState.ts"

/** Format of a dialect's greeting and of its lines. */
interface Format {
  readonly banner: (host: string) => string
  readonly line: (word: string, lives: number) => string
}

/** Formats of the two dialects. @category constants @since 0.1.0 */
export const formats = {
  course: { banner: () => "", line: (word, lives) => ` ${word}   ${lives}\n` },
  book: { banner: (host) => `Playing hangman on host${host}: \n \n`, line: (word, lives) => `${word} ${lives} \n` }
} as const satisfies Readonly<Record<string, Format>>

/** Size of the read that makes one guess, as in the originals. */
const maxReadBytes = 80

const outputOf = ({ line }: Format, game: Game.Game): Output<Scoreboard.Ask> => {
  const over = Game.phase(game) !== "playing"
  return { text: line(over ? game.word : Game.mask(game), game.lives), close: over }
}

/** Returns the session of a dialect. @category constructors @since 0.1.0 */
export const session = (rules: SessionState.Rules, format: Format): SessionState.HangmanSession => ({
  framing: { _tag: "Reads", maxLength: maxReadBytes },
  open: (client): Step<SessionState.State, Scoreboard.Ask> => {
    const game = startGame(rules, client, 1)
    const { text } = outputOf(format, game)
    return [{ client, name: "", number: 1, game, awaits: "guess" }, { text: format.banner(rules.hostName) + text }]
  },
  receive: (state, input): Step<SessionState.State, Scoreboard.Ask> => {
    if (input._tag !== "Line") return [state, {}]
    const game = Game.guessStrictly(state.game, input.text.slice(0, 1))
    return [{ ...state, game }, outputOf(format, game)]
  }
})
