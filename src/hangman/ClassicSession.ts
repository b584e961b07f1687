/**
 * The dialects of the old servers, byte for byte.
 *
 * Both speak first, and again after every read of at most 80 bytes, of which only the first counts. The line is the
 * word as it is known and the lives; the last one is the whole word, with lives 0 if the game is lost, and then the
 * connection ends. They ask for no name, so they keep no score. One fault of theirs is not kept: they take the end of
 * input for the latest guess, again and again, where ours ends.
 */
import type { Out, Step } from "../session/Session.ts"
import * as Game from "./Game.ts"
import type * as Scoreboard from "./Scoreboard.ts"
import type * as SessionState from "./SessionState.ts"
import { begin } from "./SessionState.ts"

/** What the dialects differ in. */
interface Look {
  readonly banner: (host: string) => string
  readonly line: (word: string, lives: number) => string
}

/** The looks of the old servers. @category constants @since 0.1.0 */
export const looks = {
  course: { banner: () => "", line: (word, lives) => ` ${word}   ${lives}\n` },
  book: { banner: (host) => `Playing hangman on host${host}: \n \n`, line: (word, lives) => `${word} ${lives} \n` }
} as const satisfies Readonly<Record<string, Look>>

/** The most a turn reads, in bytes. */
const maxRead = 80

const say = ({ line }: Look, game: Game.Game): Out<Scoreboard.Ask> => {
  const over = Game.phase(game) !== "playing"
  return { text: line(over ? game.word : Game.mask(game), game.lives), close: over }
}

/** A session that looks so. @category constructors @since 0.1.0 */
export const session = (rules: SessionState.Rules, look: Look): SessionState.HangmanSession => ({
  framing: { _tag: "Reads", max: maxRead },
  open: (client): Step<SessionState.State, Scoreboard.Ask> => {
    const game = begin(rules, client, 1)
    const { text } = say(look, game)
    return [{ client, name: "", number: 1, game, awaits: "guess" }, { text: look.banner(rules.host) + text }]
  },
  receive: (state, input): Step<SessionState.State, Scoreboard.Ask> => {
    if (input._tag !== "Line") return [state, {}]
    const game = Game.guessStrictly(state.game, input.text.slice(0, 1))
    return [{ ...state, game }, say(look, game)]
  }
})
