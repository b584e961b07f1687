/**
 * Scoreboard that all players of a server share. It lives in the process that listens.
 *
 * With a journal, a game is written before the server confirms it to the player, so that a server killed at any moment
 * loses no confirmed game. Games that finish at the same time are written together. A game is identified by the run of
 * the server, its client and its number; a repeated request counts once.
 *
 * **Example** (Counting a game)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { Scoreboard } from "effect-inet/hangman"
 *
 * const program = Effect.gen(function* () {
 *   const { shared, table } = yield* Scoreboard.make()
 *   const ask = yield* shared.attach({ id: 1, remote: "192.0.2.1", seed: 0 }, () => {})
 *   const answer = yield* ask({ _tag: "Finished", game: 1, name: "ann", word: "plum", won: true, wrong: 2 })
 *   answer // => { _tag: "Counted", rank: 1, players: 1 }
 *   table.best(10) // => [{ name: "ann", games: 1, wins: 1, wrong: 2 }]
 * })
 *
 * await Effect.runPromise(Effect.scoped(program))
 * ```
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as ServerEvents from "../network/ServerEvents.ts"
import type { Shared } from "../session/Session.ts"
import * as ScoreJournalFormat from "./ScoreJournalFormat.ts"
import type * as ScoreTable from "./ScoreTable.ts"

/** Request of a session to the scoreboard. @category models @since 0.1.0 */
export const Ask = Schema.Union([
  /** Counts a finished game. `game` is its number in the session, from 1; `name` is empty for a guest. */
  Schema.TaggedStruct("Finished", {
    game: Schema.Int,
    name: Schema.String,
    word: Schema.String,
    won: Schema.Boolean,
    wrong: Schema.Int
  }),
  /** Requests the best players. */
  Schema.TaggedStruct("Top", {})
])
/** @category models @since 0.1.0 */
export type Ask = typeof Ask.Type

const Row = Schema.Struct({ name: Schema.String, games: Schema.Int, wins: Schema.Int, wrong: Schema.Int })

/** Answer of the scoreboard. @category models @since 0.1.0 */
export const Answer = Schema.Union([
  /** The game was counted. `rank` is the rank of its player, from 1 to `players`; 0 for a guest. */
  Schema.TaggedStruct("Counted", { rank: Schema.Int, players: Schema.Int }),
  /** The game could not be written to the journal and does not count. */
  Schema.TaggedStruct("NotCounted", {}),
  /** The best players, at most ten, and the totals of all games. */
  Schema.TaggedStruct("Top", {
    games: Schema.Int,
    wins: Schema.Int,
    players: Schema.Int,
    best: Schema.Array(Row)
  })
])
/** @category models @since 0.1.0 */
export type Answer = typeof Answer.Type

/** The journal cannot be used; the message has its name, the reason and a remedy. @category errors @since 0.1.0 */
export class ScoreboardError extends Data.TaggedError("ScoreboardError")<{ readonly message: string }> {}

/** Durable storage of a scoreboard. @category models @since 0.1.0 */
export interface Journal {
  /** Name in messages. */
  readonly name: string
  /** Contents at the start. */
  readonly initialText: string
  /** Appends the text: all of it on success, nothing on failure. */
  readonly append: (text: string) => Effect.Effect<void, ScoreboardError>
  /** Replaces the contents atomically. */
  readonly replace: (text: string) => Effect.Effect<void, ScoreboardError>
}

/** Storage and capacity of a scoreboard. @category models @since 0.1.0 */
export interface Options {
  /** Default: in memory only. */
  readonly journal?: Journal | undefined
  /** Number of game lines after which the journal is compacted. Default 50,000. */
  readonly compactAfter?: number | undefined
  /** Capacity in names. Default 10,000. */
  readonly maxPlayers?: number | undefined
}

/** A game to be written, and the callback for its answer. */
interface PendingGame {
  readonly game: ScoreJournalFormat.FinishedGame
  readonly resume: (answer: Answer) => void
}

const maxTopRows = 10

/** Limit for games in one write. Answering more at once would block other fibers. */
const maxBatchGames = 256

/** A finished game that counts. @category models @since 0.1.0 */
export interface GameCounted {
  readonly _tag: "GameCounted"
  /** Empty for a guest. */
  readonly name: string
  readonly won: boolean
  readonly wrong: number
  readonly rank: number
}

/** A running scoreboard. @category models @since 0.1.0 */
export interface Scoreboard
  extends ServerEvents.Observable<GameCounted, ScoreTable.Totals & { readonly players: number }> {
  /** The part that the sessions of a server share. */
  readonly shared: Shared<Ask, Answer>
  readonly table: Pick<ScoreTable.ScoreTable, "best" | "totals">
}

/**
 * Starts the writer of a journal. The result queues a game; interrupting the wait does not remove it: the game counts,
 * even if its client has disconnected.
 */
const startWriter = Effect.fnUntraced(function* (
  journal: Journal,
  replayed: ScoreJournalFormat.Replayed,
  compactAfter: number,
  countGame: (game: ScoreJournalFormat.FinishedGame) => Answer
) {
  let { gameLines } = replayed
  const isFailing = { append: false, compaction: false }
  const compact = Effect.flatMap(
    Effect.suspend(() => journal.replace(ScoreJournalFormat.snapshot(replayed.table, replayed.run + 1))),
    () => {
      gameLines = 0
      const wasFailing = isFailing.compaction
      isFailing.compaction = false
      return wasFailing ? Effect.logInfo(`the scoreboard is compacted again: ${journal.name}`) : Effect.void
    }
  )
  if (replayed.tornLines > 0)
    yield* Effect.logWarning(`${journal.name}: incomplete lines dropped: ${replayed.tornLines}`)
  if (journal.initialText === "" || replayed.tornLines > 0 || gameLines >= compactAfter) yield* compact

  /**
   * After a failed compaction the journal is complete, only longer. The next attempt follows `compactAfter` games
   * later.
   */
  const onCompactFailure = (error: ScoreboardError) => {
    gameLines = 0
    isFailing.compaction = true
    return Effect.logWarning(`cannot compact the scoreboard: ${error.message}`)
  }
  const onAppendFailure = (pending: ReadonlyArray<PendingGame>, error: ScoreboardError) => {
    for (const { resume } of pending) resume({ _tag: "NotCounted" })
    const alreadyLogged = isFailing.append
    isFailing.append = true
    return alreadyLogged
      ? Effect.void
      : Effect.logError(
          `cannot write the scoreboard; games do not count until it can be written again: ${error.message}`
        )
  }
  const writeBatch = (pending: ReadonlyArray<PendingGame>) =>
    Effect.matchEffect(journal.append(pending.map(({ game }) => ScoreJournalFormat.encodeGame(game)).join("")), {
      onSuccess: () => {
        const wasFailing = isFailing.append
        isFailing.append = false
        gameLines += pending.length
        for (const { game, resume } of pending) resume(countGame(game))
        return Effect.andThen(
          wasFailing ? Effect.logInfo(`the scoreboard is written again, games count: ${journal.name}`) : Effect.void,
          gameLines < compactAfter ? Effect.void : Effect.catch(compact, onCompactFailure)
        )
      },
      onFailure: (error) => onAppendFailure(pending, error)
    })
  const queue = yield* Queue.unbounded<PendingGame>()
  const writeNextBatch = Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(restore(Queue.takeBetween(queue, 1, maxBatchGames)), writeBatch)
  )
  yield* Effect.forkScoped(Effect.forever(writeNextBatch))
  return (game: ScoreJournalFormat.FinishedGame) =>
    Effect.callback<Answer>((resume) => {
      Queue.offerUnsafe(queue, { game, resume: (answer) => resume(Effect.succeed(answer)) })
    })
})

/**
 * Makes a scoreboard for the clients of one server. It starts with the contents of its journal, and stops when the
 * scope closes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options = {}
): Effect.fn.Return<Scoreboard, ScoreboardError, Scope.Scope> {
  const { compactAfter = 50_000, journal, maxPlayers } = options
  const replayed = ScoreJournalFormat.replay(journal?.initialText ?? "", maxPlayers)
  if (typeof replayed === "string") return yield* new ScoreboardError({ message: `${journal!.name}: ${replayed}` })
  const { table } = replayed
  const run = replayed.run + 1
  const events = yield* ServerEvents.make<GameCounted>()
  const countGame = (game: ScoreJournalFormat.FinishedGame): Answer => {
    const rank = table.record(game)
    const { name, won, wrong } = game
    events.emit(() => ({ _tag: "GameCounted", name, won, wrong, rank }))
    return { _tag: "Counted", rank, players: table.totals().players }
  }
  const submit =
    journal === undefined
      ? (game: ScoreJournalFormat.FinishedGame) => Effect.sync(() => countGame(game))
      : yield* startWriter(journal, replayed, compactAfter, countGame)

  const top = (): Answer => ({ _tag: "Top", ...table.totals(), best: table.best(maxTopRows) })
  const shared: Shared<Ask, Answer> = {
    attach: (client) => {
      let lastGame = 0
      let lastAnswer: Answer = { _tag: "NotCounted" }
      return Effect.succeed((ask) => {
        if (ask._tag === "Top") return Effect.sync(top)
        if (ask.game <= lastGame) return Effect.succeed(lastAnswer)
        lastGame = ask.game
        const { game, name, won, word, wrong } = ask
        return submit({ run, client: client.id, game, name, word, won, wrong }).pipe(
          Effect.tap((answer) =>
            Effect.sync(() => {
              lastAnswer = answer
            })
          ),
          Effect.withSpan("Hangman.game", { attributes: { client: client.id, won, wrong } })
        )
      })
    }
  }
  return { shared, table, ...ServerEvents.observable(events.events, Effect.sync(table.totals)) }
})
