/** Standard output of a command that draws: its width, and text with colours. */
import * as Effect from "effect/Effect"

/** Returns the width of the terminal; undefined if standard output is none. */
export const columns = (): number | undefined => process.stdout.columns

/** Returns whether standard output shows colours: it is a terminal, and NO_COLOR is not set. */
export const isColoured = (): boolean => process.stdout.isTTY === true && (process.env.NO_COLOR ?? "") === ""

/**
 * Writes text with escape sequences to the terminal. The caller has escaped the text of others: the standard output of
 * commands would escape the colours, too.
 */
export const write = (text: string): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    process.stdout.write(text, () => resume(Effect.void))
  })
