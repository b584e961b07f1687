/** Driver of players.c: its requests and results. */
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import { BenchError, compileC, start } from "../child.ts"

/** Measurements. All games have ended by the rules, otherwise the run fails. */
export interface Stats {
  /** Turns per second, and completed games per second. */
  readonly turns: number
  readonly games: number
  /** Microseconds from a guess to its reply, median and 99th percentile. */
  readonly p50: number
  readonly p99: number
  /** Longest time from connecting to the first line, in microseconds. */
  readonly first: number
  readonly won: number
  readonly lost: number
  /** CPU time of the players, as a part of one CPU. */
  readonly busy: number
}

interface Request {
  /** `turns`: one long game per player; `games`: one game after another; `hold`: idle connections. */
  readonly kind: "turns" | "games" | "hold"
  readonly port: number
  readonly players: number
  /** Time to wait for the first line of every player. Default 10,000. */
  readonly greetTimeoutMillis?: number | undefined
  /** Length of the measurement. Default 0. */
  readonly measureMillis?: number | undefined
}

interface Load {
  readonly play: (request: Request) => Effect.Effect<Stats, BenchError>
}

/** Compiles and starts the players; undefined without Linux or a C compiler. */
export const make = Effect.gen(function* () {
  if (process.platform !== "linux") return undefined
  const program = yield* compileC(fileURLToPath(new URL("players.c", import.meta.url)))
  if (program === undefined) return undefined
  const child = yield* start(program, [])
  const load: Load = {
    play: Effect.fnUntraced(function* ({ kind, measureMillis = 0, greetTimeoutMillis = 10_000, players, port }) {
      const line = yield* child.request(
        [kind, port, players, kind === "games" ? 0 : greetTimeoutMillis, measureMillis].join(" ")
      )
      const answer = JSON.parse(line) as Stats | { readonly error: string }
      return "error" in answer ? yield* new BenchError({ message: `${kind} of ${players}: ${answer.error}` }) : answer
    })
  }
  return load
})

export const noPlayers = "Left out: the players are written in C for Linux and need cc."
