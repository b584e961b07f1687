/**
 * The games that browsers play and watch. Each player is a connection of this process to its own service; all watchers
 * of a board share one connection.
 *
 * **Example** (A claim on a board)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 * import { BoardServer } from "effect-inet/board"
 * import { NodeNetwork } from "effect-inet/network"
 * import { GameSessions } from "effect-inet/web"
 *
 * const program = Effect.gen(function* () {
 *   const server = yield* BoardServer.make({ port: 0, size: 2 })
 *   const games = yield* GameSessions.make()
 *   yield* games.register("board", "board", server.address)
 *   const views = games.play("board").pipe(
 *     Stream.tap((view) => (view._tag === "Started" ? games.say(view.session, "claim 1 0") : Effect.void)),
 *     Stream.filter((view) => view._tag === "Board" && view.board.grid[0]?.[1] === 1)
 *   )
 *   const view = yield* Stream.runHead(views)
 *   view._tag // => "Some"
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NodeNetwork.layer)))
 * ```
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Random from "effect/Random"
import * as RcMap from "effect/RcMap"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Guess from "../../guess/Guess.ts"
import * as Network from "../../network/Network.ts"
import * as TerminalText from "../../network/TerminalText.ts"
import { type BoardView, type GameView, PageError } from "../PageRpc.ts"
import type { Game } from "../PageState.ts"
import * as BoardGame from "./BoardGame.ts"
import * as BoardWatch from "./BoardWatch.ts"
import * as GameConnection from "./GameConnection.ts"
import * as GuessGame from "./GuessGame.ts"
import * as HangmanGame from "./HangmanGame.ts"

/** Limits and times of the games. @category models @since 0.1.0 */
export interface Options {
  /** Limit for the players at a time, in all games together. Default 64. */
  readonly maxPlayers?: number | undefined
  /** Shortest time between two views of a game. Default 50 ms. */
  readonly interval?: Duration.Input | undefined
  /** Times at which a watched board connects again, after its server has closed. Default: every second. */
  readonly reconnect?: Schedule.Schedule<unknown> | undefined
  /** Timeout for connecting to a service, and for sending a line. Default 5 s. */
  readonly timeout?: Duration.Input | undefined
}

/** Facts about the server of a game that it does not announce. @category models @since 0.1.0 */
export interface GameOptions {
  /** Range of a number guessing server. Default 1 to 1,000. */
  readonly range?: Guess.Range | undefined
}

/** The games of a process. @category models @since 0.1.0 */
export interface GameSessions {
  /** Adds a service that plays a game, until the scope closes. The name is that of the page's state. */
  readonly register: (
    service: string,
    game: Game,
    address: NetAddress.SocketAddress,
    options?: GameOptions
  ) => Effect.Effect<void, never, Scope.Scope>
  /** Emits a board whenever it changes, without playing; connects again while the stream runs. */
  readonly board: (service: string) => Stream.Stream<BoardView, PageError>
  /** Plays until the stream ends: first `Started`, then views, at last `Ended`. */
  readonly play: (service: string) => Stream.Stream<GameView, PageError>
  /** Sends a line to a game. */
  readonly say: (session: number, line: string) => Effect.Effect<void, PageError>
}

/** A registered service. */
interface Entry {
  readonly game: Game
  readonly address: NetAddress.SocketAddress
  readonly options: GameOptions
}

type Say = (line: string) => Effect.Effect<void, PageError>

/** Largest number of a session. */
const maxSessionNumber = 2 ** 31 - 1

const fail = (reason: PageError["reason"], message: string) => Effect.fail(new PageError({ reason, message }))

/** Returns the address to connect to: that of the loopback interface for a server on all interfaces. */
const destinationOf = (address: NetAddress.SocketAddress): NetAddress.SocketAddress => {
  if (!NetAddress.isInetAddress(address) || !NetAddress.isUnspecified(address.address)) return address
  const [loopback4, loopback6] = NetAddress.loopbackAddresses
  return NetAddress.inetAddressUnsafe(NetAddress.isIpv4Address(address.address) ? loopback4 : loopback6, address.port)
}

/** Makes the table of the services that play games. */
const makeRegistry = () => {
  const entries = new Map<string, Entry>()
  const find = Effect.fnUntraced(function* (service: string) {
    const entry = entries.get(service)
    return entry ?? (yield* fail("NotFound", `no game runs as ${TerminalText.escape(service)}: it may be restarting`))
  })
  const register: GameSessions["register"] = (service, game, address, options = {}) => {
    const entry: Entry = { game, address, options }
    const remove = Effect.sync(() => {
      // A restarted service may have registered already.
      if (entries.get(service) === entry) entries.delete(service)
    })
    return Effect.asVoid(
      Effect.acquireRelease(
        Effect.sync(() => entries.set(service, entry)),
        () => remove
      )
    )
  }
  return { find, register }
}

/** Plays on a connection, with the machine of the game. */
const playOn = (connection: Network.Connection, { game, options }: Entry, times: GameConnection.Times) => {
  switch (game) {
    case "board":
      return GameConnection.run(connection, BoardGame.machine("play"), times)
    case "hangman":
      return GameConnection.run(connection, HangmanGame.machine, times)
    case "guess":
      return GameConnection.run(connection, GuessGame.machine(options.range), times)
  }
}

/**
 * Makes the games of a process, without services. Players and watchers end when the scope closes.
 *
 * Streams fail with `NotFound` for a service that is not registered, `Invalid` for one that plays another game,
 * `Unavailable` if its server cannot be reached, and `Busy` above the limit of players. `say` fails with `NotFound`
 * after the end of the game, and `Invalid` for a line that the game cannot take.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options = {}) {
  const network = yield* Network.Network
  const { interval = "50 millis", maxPlayers = 64, reconnect = Schedule.spaced("1 second") } = options
  const timeout = Duration.fromInputUnsafe(options.timeout ?? "5 seconds")
  const { find, register } = makeRegistry()
  const players = new Map<number, Say | undefined>()

  const connect = (service: string, { address }: Entry) =>
    network.connect(destinationOf(address)).pipe(
      Effect.mapError(({ message }) => message),
      Effect.timeoutOrElse({
        duration: timeout,
        orElse: () => Effect.fail(`no connection within ${Duration.format(timeout)}`)
      }),
      Effect.catch((reason) => fail("Unavailable", `cannot play ${service}: ${TerminalText.escape(reason)}`))
    )

  /** Takes the place of a player until the scope closes. Its number is not that of an earlier process. */
  const takePlace = Effect.acquireRelease(
    Effect.gen(function* () {
      if (players.size >= maxPlayers) {
        return yield* fail("Busy", `too many players: at most ${maxPlayers} at a time; try again later`)
      }
      let session = yield* Random.nextIntBetween(1, maxSessionNumber)
      while (players.has(session)) session = yield* Random.nextIntBetween(1, maxSessionNumber)
      players.set(session, undefined)
      return session
    }),
    (session) => Effect.sync(() => players.delete(session))
  )

  const startPlaying = Effect.fnUntraced(function* (service: string) {
    const entry = yield* find(service)
    const session = yield* takePlace
    const { ended, say, views } = yield* playOn(yield* connect(service, entry), entry, { interval, timeout })
    players.set(session, say)
    const last: Stream.Stream<GameView> = Stream.fromEffect(Effect.map(ended, (reason) => ({ _tag: "Ended", reason })))
    return Stream.concat(Stream.succeed<GameView>({ _tag: "Started", session }), Stream.concat(views, last))
  })

  const watch = (service: string) =>
    BoardWatch.make({
      connect: Effect.flatMap(find(service), (entry) => connect(service, entry)),
      ...{ interval, timeout, reconnect }
    })
  const watches = yield* RcMap.make({ lookup: watch })

  const games: GameSessions = {
    register,
    board: (service) =>
      Stream.unwrap(
        Effect.gen(function* () {
          const { game } = yield* find(service)
          if (game !== "board") return yield* fail("Invalid", `${service} is not a board: it plays ${game}`)
          return yield* RcMap.get(watches, service)
        })
      ),
    play: (service) => Stream.unwrap(startPlaying(service)),
    say: (session, line) => {
      const say = players.get(session)
      return say === undefined ? fail("NotFound", "the game has ended: start a new one") : say(line)
    }
  }
  return games
})
