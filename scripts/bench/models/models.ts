/** The models, and a fork-per-client and a select() server in C: the same game, the same players. */
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
  { measure: columns.turns, peer: names.fork },
  { measure: columns.turns, peer: names.selectd },
  { measure: columns.games, peer: names.fork },
  { measure: columns.games, peer: names.selectd }
]

const about = `The same game, the course's hangman, by all models and by two servers in C: one forks for every client,
one is a select() loop. Each has processes of its own, and so have the players (C, epoll), who share the cores with them
and check every line. What has no bar has one sample a round, each of a server that was just started.

- *Turns*, *p50*, *p99*: 32 players, each in one long game; from a guess to its answer. *First line*: how long the
  player had to wait for it who waited longest. The iterative server plays with one of the 32; the others wait until
  that one has gone.
- *Games*: a connection and a whole game, one after another, 16 at a time.
- *1 ms of work*: every turn costs about a millisecond of arithmetic, the same amount for all; 8 players.
- *Memory*: private memory of the server and its children, after a full garbage collection of the parent, with nobody
  connected; and what each of 2,000 idle players adds (10 where each has a process of Node's, 500 in C). The kernel's
  share is left out.`

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** What the players of a model are told: how long to wait for first lines, and how many can sit there. */
const playersOf = (name: Name) => ({
  patience: name === names.iterative ? 2_000 : 20_000,
  idle: name === names.each ? 10 : name === names.fork || name === names.selectd ? 500 : 2_000
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
    const { patience } = playersOf(name as Name)
    const found = yield* load.play({ kind: "turns", port: Number(hello), players: 32, greetTimeoutMillis: patience, measureMillis: measure })
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
    const { patience } = playersOf(name as Name)
    return (yield* load.play({ kind: "turns", port: Number(hello), players: 8, greetTimeoutMillis: patience, measureMillis: measure })).turns
  }, Effect.scoped)

  const empty = new Map<string, number>()
  const idle = Effect.fnUntraced(function* (name: string) {
    const players = Math.min(playersOf(name as Name).idle, quick ? 1_000 : Infinity)
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
    "With C, select() the players take all of one CPU: its turns and games are as many as they can play.",
    ...(Memory.isKnown ? [] : ["Memory was left out: there is no /proc to read it from."])
  ]
  return { contestants: Object.values(names), measures, notes }
})

export const benchmark: Benchmark = { name: "models", description: about, comparisons, overview: true, prepare }
