/**
 * The requests of the page, from the browser to the process that serves it, over a WebSocket. Pure.
 *
 * Streams are conflated on the server: a browser that reads slowly receives the newest state, not all states.
 */

import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as Schema from "effect/Schema"
import { Arrow } from "./Arrow.ts"
import * as PageState from "./PageState.ts"

/** A request that cannot be done, as one line for the user. @category errors @since 0.1.0 */
export class PageError extends Schema.TaggedError<PageError>()("PageError", {
  reason: Schema.Literals(["Forbidden", "NotFound", "Unavailable", "Busy", "Invalid"]),
  message: Schema.String
}) {}

/** Name of a service. */
const ServiceName = Schema.String.check(Schema.isMaxLength(128))

/** The token of `--control`; empty in a browser without it. */
const Token = Schema.String.check(Schema.isMaxLength(128))

/** Packets of a service since the last batch. @category schemas @since 0.1.0 */
export const Packets = Schema.Struct({
  arrows: Schema.Array(Arrow),
  /** Packets between two batches that are too many to show. */
  omitted: Schema.Int
})

/** Packets of a service since the last batch. @category models @since 0.1.0 */
export type Packets = typeof Packets.Type

/** A board, as the page shows it. @category schemas @since 0.1.0 */
export const BoardView = Schema.Struct({
  /** Owners of the squares by row; 0 is vacant. */
  grid: Schema.Array(Schema.Array(Schema.Natural)),
  /** Latest messages, the newest last, at most 20. */
  messages: Schema.Array(Schema.String)
})

/** A board, as the page shows it. @category models @since 0.1.0 */
export type BoardView = typeof BoardView.Type

/** State of a game that the browser plays. @category schemas @since 0.1.0 */
export const GameView = Schema.TaggedUnion({
  /** The game has started; `say` takes the number of the session. */
  Started: { session: Schema.Int },
  Board: {
    /** Number of this player; 0 until the server has sent it. */
    player: Schema.Int,
    board: BoardView,
    /** Result of the player's latest request, and its number, from 1. */
    result: Schema.optionalKey(Schema.Struct({ number: Schema.Int, text: Schema.String }))
  },
  Hangman: {
    /** Letters that were found, and `-` for the others; absent before the first game. */
    word: Schema.optionalKey(Schema.String),
    lives: Schema.Int,
    initialLives: Schema.Int,
    tried: Schema.String,
    message: Schema.Array(Schema.String),
    prompt: Schema.Literals(["name", "guess", "again", "bye"])
  },
  Guess: {
    /** Range that is left, which the page has worked out. */
    min: Schema.Int,
    max: Schema.Int,
    guesses: Schema.Array(Schema.Struct({ text: Schema.String, verdict: Schema.String }))
  },
  /** Lines of a server whose dialect has no view of its own. */
  Lines: { lines: Schema.Array(Schema.String) },
  /** The server has closed the connection. */
  Ended: { reason: Schema.String }
})

/** State of a game that the browser plays. @category models @since 0.1.0 */
export type GameView = typeof GameView.Type

/** All requests of the page. @category models @since 0.1.0 */
export class PageRpc extends RpcGroup.make(
  /** Returns what the browser may do. */
  Rpc.make("about", {
    payload: { token: Token },
    success: Schema.Struct({
      version: Schema.String,
      /** True if the process takes control, and true if this token gives it. */
      hasControl: Schema.Boolean,
      /** True if the process cannot take control, however it is started. */
      isReadOnly: Schema.optionalKey(Schema.Boolean),
      isAllowed: Schema.Boolean
    })
  }),
  /** Emits the state of the process at once, and then what has changed, at most four times a second. */
  Rpc.make("watch", { success: PageState.Update, stream: true }),
  /** Emits the packets of a service. */
  Rpc.make("packets", { payload: { service: ServiceName }, success: Packets, error: PageError, stream: true }),
  /** Emits a board whenever it changes, without playing. */
  Rpc.make("board", { payload: { service: ServiceName }, success: BoardView, error: PageError, stream: true }),
  /** Plays a game until the stream is interrupted. Needs control. */
  Rpc.make("play", {
    payload: { service: ServiceName, token: Token },
    success: GameView,
    error: PageError,
    stream: true
  }),
  /** Sends a line to a game of this browser. Needs control. */
  Rpc.make("say", {
    payload: { session: Schema.Int, line: Schema.String.check(Schema.isMaxLength(256)), token: Token },
    error: PageError
  }),
  /** Restarts a service. Needs control. */
  Rpc.make("restart", { payload: { service: ServiceName, token: Token }, error: PageError })
) {}
