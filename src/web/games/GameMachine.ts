/** A game that the process plays for a browser, as a state machine over the text of its connection. Pure. */
import type { GameView } from "../PageRpc.ts"
import * as ShownText from "../ShownText.ts"

/** Input of a game: the connection is open, text of the server, or a line of the player. */
export type Event =
  | { readonly _tag: "Opened" }
  | { readonly _tag: "Received"; readonly text: string }
  | { readonly _tag: "Said"; readonly line: string }

/** The next state, and the text to send. */
export type Step<S> = readonly [state: S, send: string]

/** The view of a game that runs. */
export type PlayView = Exclude<GameView, { readonly _tag: "Started" | "Ended" }>

/** A game as an initial state and pure functions. */
export interface GameMachine<S> {
  readonly initial: S
  readonly step: (state: S, event: Event) => Step<S>
  /** Returns why the game cannot take a line now, or undefined if it can. The line has no control characters. */
  readonly problemOf: (state: S, line: string) => string | undefined
  /** Returns the view; undefined while there is nothing to show. */
  readonly view: (state: S) => PlayView | undefined
  /** Text to send at intervals, so that the idle timeout of the server never expires. */
  readonly keepAlive?: string | undefined
}

/** Longest text that a game keeps while it waits for the rest of a line or of a view. */
const maxPendingChars = 16_384

/** Longest line that the page shows. */
const maxShownChars = 300

/** Returns text of a server as one line that is safe to show. */
export const showLine = (line: string): string => ShownText.short(line.replace(/\r/g, ""), maxShownChars)

/**
 * Splits text into lines, and the text after the last line end. Lines end in LF; a CR on either side is removed. A rest
 * that is too long for a line is returned as a line.
 */
export const splitLines = (text: string): readonly [lines: ReadonlyArray<string>, rest: string] => {
  const parts = text.split("\n").map((part) => part.replace(/^\r|\r$/g, ""))
  const rest = parts.pop()!
  return rest.length > maxPendingChars ? [[...parts, rest], ""] : [parts, rest]
}
