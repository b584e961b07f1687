/** The players of players.c: who they are told to play with, and what they found. */
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import { BenchError, compileC, start } from "../child.ts"

/** What was measured; every game that was begun has ended as the rules say. */
export interface Stats {
  /** Turns a second, and games that ended. */
  readonly turns: number
  readonly games: number
  /** Microseconds from a guess to its answer. */
  readonly p50: number
  readonly p99: number
  /** Microseconds from connecting to the first line, of the player who waited longest. */
  readonly first: number
  readonly won: number
  readonly lost: number
  /** The part of one CPU that the players took. */
  readonly busy: number
}

interface Request {
  /** One long game each; one game after another; sitting there. */
  readonly kind: "turns" | "games" | "hold"
  readonly port: number
  readonly players: number
  /** Milliseconds to wait for the first lines of all. Default 10,000. */
  readonly greetTimeoutMillis?: number | undefined
  /** Milliseconds to count for. Default 0. */
  readonly measureMillis?: number | undefined
}

interface Load {
  readonly play: (request: Request) => Effect.Effect<Stats, BenchError>
}

/** Without Linux and a C compiler there are no players, and no benchmark. */
export const make = Effect.gen(function* () {
  if (process.platform !== "linux") return undefined
  const program = yield* compileC(fileURLToPath(new URL("players.c", import.meta.url)))
  if (program === undefined) return undefined
  const child = yield* start(program, [])
  const load: Load = {
    play: Effect.fnUntraced(function* ({ kind, measureMillis: measure = 0, greetTimeoutMillis: patience = 10_000, players, port }) {
      const line = yield* child.request([kind, port, players, kind === "games" ? 0 : patience, measure].join(" "))
      const answer = JSON.parse(line) as Stats | { readonly error: string }
      return "error" in answer ? yield* new BenchError({ message: `${kind} of ${players}: ${answer.error}` }) : answer
    })
  }
  return load
})

export const noPlayers = "Left out: the players are written in C for Linux, and want cc."
