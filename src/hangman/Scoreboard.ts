/**
 * The scoreboard that all players share, in the process that serves them.
 *
 * With a journal a game is written down before its player is told that it is counted, so that a server killed at any
 * moment has lost no game that anybody knows of. Games that finish together are written together. A game is named by
 * the run of the server, its client and its number: asked twice, it counts once.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import type { Shared } from "../session/Session.ts"
import * as ScoreJournalFormat from "./ScoreJournalFormat.ts"
import type * as ScoreTable from "./ScoreTable.ts"

/** What a session asks of the scoreboard. @category models @since 0.1.0 */
export const Ask = Schema.Union([
  /** Count a game, the `game`-th of its client; `name` is empty for a guest. */
  Schema.TaggedStruct("Finished", {
    game: Schema.Int,
    name: Schema.String,
    word: Schema.String,
    won: Schema.Boolean,
    wrong: Schema.Int
  }),
  /** Tell who is best. */
  Schema.TaggedStruct("Top", {})
])
/** @category models @since 0.1.0 */
export type Ask = typeof Ask.Type

const Row = Schema.Struct({ name: Schema.String, games: Schema.Int, wins: Schema.Int, wrong: Schema.Int })

/** What the scoreboard answers. @category models @since 0.1.0 */
export const Told = Schema.Union([
  /** The game is counted; `rank` is its player's, from 1 of `players`, or 0 for a guest. */
  Schema.TaggedStruct("Counted", { rank: Schema.Int, players: Schema.Int }),
  /** The game could not be written down, and does not count. */
  Schema.TaggedStruct("NotCounted", {}),
  /** The best players, at most ten, and the totals of all. */
  Schema.TaggedStruct("Top", {
    games: Schema.Int,
    wins: Schema.Int,
    players: Schema.Int,
    best: Schema.Array(Row)
  })
])
/** @category models @since 0.1.0 */
export type Told = typeof Told.Type

/** A scoreboard cannot be kept; the message says where, why, and what would be right. @category errors @since 0.1.0 */
export class ScoreboardError extends Data.TaggedError("ScoreboardError")<{ readonly message: string }> {}

/** Where a scoreboard is written down. @category models @since 0.1.0 */
export interface Journal {
  /** For messages. */
  readonly name: string
  /** All that is there at the start. */
  readonly past: string
  /** Adds to it: all of the text when it succeeds, nothing when it fails. */
  readonly append: (text: string) => Effect.Effect<void, ScoreboardError>
  /** Puts the text in the place of all there is, at once. */
  readonly replace: (text: string) => Effect.Effect<void, ScoreboardError>
}

/** How a scoreboard is kept. @category models @since 0.1.0 */
export interface Options {
  /** Default: in memory only. */
  readonly journal?: Journal | undefined
  /** Games in lines of their own, after which the journal is written anew. Default 50,000. */
  readonly compactAfter?: number | undefined
  /** Names to keep. Default 10,000. */
  readonly maxNames?: number | undefined
}

/** A game that waits to be written, and who waits for it. */
interface Waiting {
  readonly game: ScoreJournalFormat.Game
  readonly resume: (told: Told) => void
}

const placesShown = 10

/** Games written together at most: answering more at once would keep everything else waiting. */
const maxBatch = 256

/**
 * A scoreboard for the clients of one server; it goes on from what its journal has, and stops with the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options = {}) {
  const { compactAfter = 50_000, journal, maxNames } = options
  const past = ScoreJournalFormat.replay(journal?.past ?? "", maxNames)
  if (typeof past === "string") return yield* new ScoreboardError({ message: `${journal!.name}: ${past}` })
  const { table } = past
  const run = past.run + 1
  let lines = past.games
  let failing = false

  const compact = Effect.suspend(() =>
    journal === undefined
      ? Effect.void
      : Effect.map(journal.replace(ScoreJournalFormat.snapshot(table, run)), () => {
          lines = 0
        })
  )
  if (past.torn > 0)
    yield* Effect.logWarning(`${journal!.name}: lines dropped at its end, since they were not finished: ${past.torn}`)
  if (journal?.past === "" || past.torn > 0 || past.games >= compactAfter) yield* compact

  const count = (game: ScoreJournalFormat.Game): Told => ({
    _tag: "Counted",
    rank: table.finish(game),
    players: table.totals().players
  })
  /** The journal is as good as before, only long. */
  const later = (error: ScoreboardError) => {
    lines = 0
    return Effect.logWarning(`the scoreboard is not written anew: ${error.message}`)
  }
  const write = (journal: Journal, waiting: ReadonlyArray<Waiting>) =>
    Effect.matchEffect(journal.append(waiting.map(({ game }) => ScoreJournalFormat.game(game)).join("")), {
      onSuccess: () => {
        failing = false
        lines += waiting.length
        for (const { game, resume } of waiting) resume(count(game))
        return lines < compactAfter ? Effect.void : Effect.catch(compact, later)
      },
      onFailure: (error) => {
        for (const { resume } of waiting) resume({ _tag: "NotCounted" })
        return Effect.fail(error)
      }
    }).pipe(
      Effect.catch((error) => {
        const known = failing
        failing = true
        return known ? Effect.void : Effect.logError(`games are not counted: ${error.message}`)
      })
    )

  const queue = yield* Queue.unbounded<Waiting>()
  if (journal !== undefined) {
    const round = Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(restore(Queue.takeBetween(queue, 1, maxBatch)), (waiting) => write(journal, waiting))
    )
    yield* Effect.forkScoped(Effect.forever(round))
  }

  /** Interrupting the wait does not take the game back: it is counted, whoever is still there to hear it. */
  const finish = (game: ScoreJournalFormat.Game) =>
    journal === undefined
      ? Effect.sync(() => count(game))
      : Effect.callback<Told>((resume) => {
          Queue.offerUnsafe(queue, { game, resume: (told) => resume(Effect.succeed(told)) })
        })

  const top = (): Told => ({ _tag: "Top", ...table.totals(), best: table.best(placesShown) })

  const shared: Shared<Ask, Told> = {
    attach: (client) => {
      let last = 0
      let answer: Told = { _tag: "NotCounted" }
      return Effect.succeed((ask) => {
        if (ask._tag === "Top") return Effect.sync(top)
        if (ask.game <= last) return Effect.succeed(answer)
        last = ask.game
        const { game, name, won, word, wrong } = ask
        return Effect.map(finish({ run, client: client.id, game, name, word, won, wrong }), (told) => {
          answer = told
          return told
        })
      })
    }
  }
  return {
    shared,
    table: table as Pick<ScoreTable.ScoreTable, "best" | "totals">
  }
})
