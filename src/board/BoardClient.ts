/**
 * Client for a board server: watches the board and keeps a copy of it.
 *
 * **Example** (Claiming a square and watching the change)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as NetAddress from "effect/net/NetAddress"
 * import { BoardClient, BoardServer } from "effect-inet/board"
 * import { NodeServices, TcpClient } from "effect-inet/network"
 *
 * const program = Effect.gen(function* () {
 *   const { address } = yield* BoardServer.make({ port: 0, size: 2 })
 *   if (!NetAddress.isInetAddress(address)) return
 *   const connection = yield* TcpClient.connect({ host: "127.0.0.1", service: address.port })
 *   const { next, send } = yield* BoardClient.make(connection)
 *   yield* send("claim 1 0")
 *   let view = BoardClient.empty
 *   while (view.grid[0]?.[1] !== 1) view = BoardClient.apply(view, yield* next)
 *   view // => { number: 1, grid: [[0, 1], [0, 0]], missingRows: 0 }
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
 * ```
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Pull from "effect/Pull"
import * as Line from "../network/Line.ts"
import type * as Network from "../network/Network.ts"
import * as Grid from "./Grid.ts"
import * as Reply from "./Reply.ts"

/** The first line of the server is not one of a board server. @category errors @since 0.1.0 */
export class BoardClientError extends Data.TaggedError("BoardClientError")<{ readonly line: string }> {
  override get message(): string {
    return `unexpected reply to hello: ${JSON.stringify(this.line.slice(0, 40))} (not a board server)`
  }
}

/** Copy of a board in a client. @category models @since 0.1.0 */
export interface BoardView {
  /** Number of this client; 0 until the server has sent it. */
  readonly number: number
  /** Owners of the squares; empty until the server has sent them. */
  readonly grid: Grid.Grid
  /** Number of rows that the server has announced and not yet sent. */
  readonly missingRows: number
}

/** The copy before the first line of the server. @category constructors @since 0.1.0 */
export const empty: BoardView = { number: 0, grid: [], missingRows: 0 }

/**
 * Applies a line of the server. Lines that do not fit the board are ignored.
 *
 * @category combinators
 * @since 0.1.0
 */
export const apply = (view: BoardView, reply: Reply.Reply): BoardView => {
  switch (reply._tag) {
    case "Hello":
      return { ...view, number: reply.number }
    case "Board":
      return { ...view, grid: Grid.empty(reply.size), missingRows: reply.size }
    case "Row":
      return view.missingRows > 0 && reply.owners.length === view.grid.length
        ? {
            ...view,
            grid: view.grid.with(view.grid.length - view.missingRows, reply.owners),
            missingRows: view.missingRows - 1
          }
        : view
    case "Seen":
      return { ...view, grid: Grid.apply(view.grid, reply.event) }
    default:
      return view
  }
}

/** Connection to a board server. @category models @since 0.1.0 */
export interface BoardClient {
  /** Reads the next line. After the first one, unknown lines are ignored. Only one fiber may read. */
  readonly next: Pull.Pull<Reply.Reply, BoardClientError | Line.LineError | Network.NetworkError>
  /** Sends a line. */
  readonly send: (line: string) => Effect.Effect<void, Network.NetworkError>
}

/** Keep-alive of a client. @category models @since 0.1.0 */
export interface Options {
  /** Interval at which the client sends `hello`, so that its idle timeout on the server never expires. Default 20 s. */
  readonly keepAlive?: Duration.Input | undefined
}

/** Sends `hello` and `watch` on a connection; the scope ends the client. @category constructors @since 0.1.0 */
export const make = Effect.fnUntraced(function* (connection: Network.Connection, options: Options = {}) {
  const lines = yield* Line.make(connection)
  const send = (line: string) => connection.write(`${line}\n`)
  yield* send("hello")
  yield* send("watch")
  const keepAlive = Effect.delay(send("hello"), options.keepAlive ?? Duration.seconds(20))
  yield* Effect.forkScoped(Effect.ignore(Effect.forever(keepAlive)))
  let replied = false
  const next: BoardClient["next"] = Effect.flatMap(lines.next, (line) => {
    const reply = Option.getOrUndefined(Reply.parse(line))
    if (reply === undefined) return replied ? next : Effect.fail(new BoardClientError({ line }))
    replied = true
    return Effect.succeed(reply)
  })
  const client: BoardClient = { next, send }
  return client
})
