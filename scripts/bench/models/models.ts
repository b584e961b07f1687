/** The concurrency models, and a fork-per-client and a select() server in C, with the same game and players. */
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import { compileC, start } from "../child.ts"
import * as Load from "../hangman/load.ts"
import type { Benchmark, Comparison, Measure, Options } from "../harness.ts"
import * as Memory from "../rot13/memory.ts"
import { roundsPerMillisecond } from "./session.ts"

const names = {
  fibers: "fibers",
  select: "select",
  iterative: "iterative",
  each: "processes, one per client",
  pool: "processes, a pool of 2",
  eachThread: "threads, one per client",
  threads: "threads, 2",
  fork: "C, fork per client",
  selectd: "C, select()"
} as const

type Name = (typeof names)[keyof typeof names]

const columns = {
  turns: "turns",
  median: "p50",
  slow: "p99",
  first: "first line",
  games: "games",
  work: "1 ms of work: turns",
  empty: "memory: server",
  idle: "memory: player"
} as const

const bar = { subject: "ratio", comparator: ">=", value: 1.5 } as const

const comparisons: ReadonlyArray<Comparison> = [
  { measure: columns.work, contestant: names.pool, peer: names.fibers, bar },
  { measure: columns.work, contestant: names.threads, peer: names.fibers, bar },
  { measure: columns.work, contestant: names.eachThread, peer: names.fibers, bar },
  { measure: columns.turns, peer: names.fork },
  { measure: columns.turns, peer: names.selectd },
  { measure: columns.games, peer: names.fork },
  { measure: columns.games, peer: names.selectd }
]

const about = `The course's hangman, served by all concurrency models and by two servers in C: one forks for each client, one is a
select() loop. Servers and players run in separate processes on the same cores. The players (C, epoll) check every line.
A measure without a bar has one sample per round, each of a server that was just started.

- *Turns*, *p50*, *p99*: 32 players, each in one long game; from a guess to its answer. *First line*: the longest wait
  of a player for its first line. The iterative server plays with one of the 32; the others wait until it has gone.
- *Games*: a connection and a whole game, one after another, 16 at a time.
- *1 ms of work*: every turn costs about a millisecond of arithmetic, the same amount for all; 8 players.
- *Memory*: private memory of the server and its children without clients, after a full garbage collection of the
  parent; and the addition by each of 2,000 idle players (10 with a Node process or thread each, 500 in C). Kernel memory
  is not included.`

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** Returns the timeout of a first line and the number of idle players for a model. */
const playerLimits = (name: Name) => ({
  greetTimeoutMillis: name === names.iterative ? 2_000 : 20_000,
  idlePlayers:
    name === names.each || name === names.eachThread ? 10 : name === names.fork || name === names.selectd ? 500 : 2_000
})

type Command = readonly [program: string, ...args: ReadonlyArray<string>]

const prepare = Effect.fnUntraced(function* ({ profile, quick }: Options) {
  const load = yield* Load.make
  const forkd = yield* compileC(file("forkd.c"))
  const selectd = yield* compileC(file("selectd.c"))
  if (load === undefined || forkd === undefined || selectd === undefined) {
    return { contestants: [], measures: [], notes: [Load.noPlayers] }
  }
  const profiling = profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`]
  const ours = Object.values(names).filter((name) => name !== names.fork && name !== names.selectd)
  const commandOf = (name: string, rounds: number): Command =>
    name === names.fork
      ? [forkd]
      : name === names.selectd
        ? [selectd]
        : [process.execPath, "--expose-gc", ...profiling, file("serve.ts"), name, String(rounds)]
  const run = (name: string, rounds = 0) => {
    const [program, ...args] = commandOf(name, rounds)
    return start(program, args)
  }
  const measure = quick ? 500 : 1_000

  const latest = new Map<string, Load.Stats>()
  const turns = Effect.fnUntraced(function* (name: string) {
    const { firstLine: hello } = yield* run(name)
    const { greetTimeoutMillis } = playerLimits(name as Name)
    const found = yield* load.play({
      kind: "turns",
      port: Number(hello),
      players: 32,
      greetTimeoutMillis,
      measureMillis: measure
    })
    latest.set(name, found)
    return found.turns / 1e3
  }, Effect.scoped)
  const also = (figure: "first" | "p50" | "p99") => (name: string) => Effect.sync(() => latest.get(name)![figure] / 1e3)

  const games = Effect.fnUntraced(function* (name: string) {
    const { firstLine: hello } = yield* run(name)
    const found = yield* load.play({ kind: "games", port: Number(hello), players: 16, measureMillis: 2 * measure })
    return found.games
  }, Effect.scoped)

  const work = Effect.fnUntraced(function* (name: string) {
    const { firstLine: hello } = yield* run(name, roundsPerMillisecond)
    const { greetTimeoutMillis } = playerLimits(name as Name)
    return (yield* load.play({
      kind: "turns",
      port: Number(hello),
      players: 8,
      greetTimeoutMillis,
      measureMillis: measure
    })).turns
  }, Effect.scoped)

  const empty = new Map<string, number>()
  const idle = Effect.fnUntraced(function* (name: string) {
    const players = Math.min(playerLimits(name as Name).idlePlayers, quick ? 1_000 : Infinity)
    const server = yield* run(name)
    const collected = ours.some((each) => each === name) ? server.request("collect") : Effect.void
    const settled = Effect.map(collected, () => Memory.ofFamily(server.pid))
    const before = yield* settled
    empty.set(name, before / 1_024)
    yield* load.play({ kind: "hold", port: Number(server.firstLine), players })
    return ((yield* settled) - before) / players
  }, Effect.scoped)

  const sitting = Object.values(names).filter((name) => name !== names.iterative)
  const memory: ReadonlyArray<Measure> = [
    { name: columns.idle, unit: "KiB", contestants: sitting, lowerIsBetter: true, oncePerRound: true, sample: idle },
    {
      ...{ name: columns.empty, unit: "MiB", contestants: sitting, lowerIsBetter: true, oncePerRound: true },
      sample: (name) => Effect.sync(() => empty.get(name)!)
    }
  ]
  const measures: ReadonlyArray<Measure> = [
    { name: columns.turns, unit: "k/s", oncePerRound: true, sample: turns },
    { name: columns.median, unit: "ms", lowerIsBetter: true, oncePerRound: true, sample: also("p50") },
    { name: columns.slow, unit: "ms", lowerIsBetter: true, oncePerRound: true, sample: also("p99") },
    { name: columns.first, unit: "ms", lowerIsBetter: true, oncePerRound: true, sample: also("first") },
    { name: columns.games, unit: "/s", oncePerRound: true, sample: games },
    { name: columns.work, unit: "/s", contestants: ours, sample: work },
    ...(Memory.isKnown ? memory : [])
  ]
  const notes = [
    "With C, select() the players use one CPU completely: its turns and games are limited by the players.",
    ...(Memory.isKnown ? [] : ["Memory was not measured: /proc does not exist."])
  ]
  return { contestants: Object.values(names), measures, notes }
})

export const benchmark: Benchmark = { name: "models", description: about, comparisons, overview: true, prepare }
