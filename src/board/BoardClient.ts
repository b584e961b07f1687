/** Plays on a shared board: the board as it is now, from the lines of a server that is watched. */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Pull from "effect/Pull"
import * as Line from "../network/Line.ts"
import type * as Network from "../network/Network.ts"
import * as Grid from "./Grid.ts"
import * as Reply from "./Reply.ts"

/** The server does not speak as a board does. @category errors @since 0.1.0 */
export class BoardClientError extends Data.TaggedError("BoardClientError")<{ readonly line: string }> {
  override get message(): string {
    return `this server does not serve a board: ${JSON.stringify(this.line.slice(0, 40))} is not an answer to hello`
  }
}

/** What is known of a board. @category models @since 0.1.0 */
export interface Known {
  /** This client's number; 0 while it is not known. */
  readonly number: number
  /** Empty while it is not known. */
  readonly grid: Grid.Grid
  /** Rows of the board that are still to come. */
  readonly missing: number
}

/** Before the server has said anything. @category constructors @since 0.1.0 */
export const nothing: Known = { number: 0, grid: [], missing: 0 }

/**
 * What is known after a line of the server; lines that do not fit the board are passed over.
 *
 * @category combinators
 * @since 0.1.0
 */
export const learn = (known: Known, reply: Reply.Reply): Known => {
  switch (reply._tag) {
    case "Hello":
      return { ...known, number: reply.number }
    case "Board":
      return { ...known, grid: Grid.empty(reply.size), missing: reply.size }
    case "Row":
      return known.missing > 0 && reply.owners.length === known.grid.length
        ? {
            ...known,
            grid: known.grid.with(known.grid.length - known.missing, reply.owners),
            missing: known.missing - 1
          }
        : known
    case "Seen":
      return { ...known, grid: Grid.apply(known.grid, reply.event) }
    default:
      return known
  }
}

/** A board to play on. @category models @since 0.1.0 */
export interface BoardClient {
  /** What the server says next; lines that are no board's are passed over. One fiber at a time. */
  readonly next: Pull.Pull<Reply.Reply, BoardClientError | Line.LineError | Network.NetworkError>
  /** Sends a line. */
  readonly send: (line: string) => Effect.Effect<void, Network.NetworkError>
}

/** How a client is heard of while its player only watches. @category models @since 0.1.0 */
export interface Options {
  /** Time between two `hello`s, which servers that cut silent clients count as life. Default 20 seconds. */
  readonly keepAlive?: Duration.Input | undefined
}

/** Says hello and watches the board over a connection, until the scope closes. @category constructors @since 0.1.0 */
export const make = Effect.fnUntraced(function* (connection: Network.Connection, options: Options = {}) {
  const lines = yield* Line.make(connection)
  const send = (line: string) => connection.write(`${line}\n`)
  yield* send("hello")
  yield* send("watch")
  const alive = Effect.delay(send("hello"), options.keepAlive ?? Duration.seconds(20))
  yield* Effect.forkScoped(Effect.ignore(Effect.forever(alive)))
  let greeted = false
  const next: BoardClient["next"] = Effect.flatMap(lines.next, (line) => {
    const reply = Option.getOrUndefined(Reply.parse(line))
    if (reply === undefined) return greeted ? next : Effect.fail(new BoardClientError({ line }))
    greeted = true
    return Effect.succeed(reply)
  })
  const client: BoardClient = { next, send }
  return client
})
