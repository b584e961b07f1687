/** Our hangman server against a raw `node:net` server of the same dialect: turns, memory, and how it starts. */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import { type Child, start } from "../child.ts"
import type { Benchmark, Comparison, Measure, Options } from "../harness.ts"
import * as Memory from "../rot13/memory.ts"
import * as Load from "./load.ts"

const peers = { ours: "ours", raw: "node:net" } as const

const names = {
  many: "turns, 5,000 players",
  few: "turns, 64 players",
  games: "whole games, 16 players",
  idle: "memory per idle player",
  start: "start with the built-in words",
  file: "the same with 400,000 words: more"
} as const

const manyPlayers = 5_000

const comparisons: ReadonlyArray<Comparison> = [
  { measure: names.many, peer: peers.raw, bar: { subject: "ratio", comparator: ">=", value: 0.7 } },
  { measure: names.few, peer: peers.raw },
  { measure: names.games, peer: peers.raw },
  { measure: names.idle, peer: peers.raw },
  {
    measure: names.file,
    peer: peers.ours,
    peerMeasure: names.start,
    bar: { subject: "figure", comparator: "<=", value: 60 }
  }
]

const about = `Our server in the course dialect, a fiber per client, and a raw \`node:net\` server of the same dialect
without limits and deadlines, each in its own process. The players are one process in C on epoll, because a player on
\`node:net\` costs as much as a server on it; the players use at most four fifths of a CPU. They play by the rules, one
in four loses, and they check every line: the benchmark fails at a wrong letter, a life too many, or a connection that
stays open after the end of a game.

- *Turns*: all players are connected and have their first line before the first guess. A repeated right guess costs no
  life, so games last until the time is over; then every game is finished.
- *Whole games*: one connection per game.
- *Memory per idle player*: 6,000 players, in waves of 2,000, after their first line. The value is the growth of the
  server's private memory after a full garbage collection; kernel memory is not included.
- *Start*: from the start of the process until it reports its port, the best of five. Starts with and without a file of
  400,000 words alternate, and the difference is the cost of the file.`

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** Returns `count` pseudo-random words of 5 to 14 letters, the same in every run. */
const wordList = (count: number): string => {
  let x = 1
  const letter = () => {
    x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 0
    return String.fromCharCode(97 + ((x >>> 16) % 26))
  }
  return Array.from({ length: count }, (_, i) => Array.from({ length: 5 + (i % 10) }, letter).join("")).join("\n")
}

const listOf = (count: number) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-inet-bench-"))),
      (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true }))
    ),
    (folder) => {
      const path = Path.join(folder, "words")
      Fs.writeFileSync(path, wordList(count))
      return path
    }
  )

/** Measures the milliseconds from the start of a server's process until it reports its port. */
const timeOfStart = (args: ReadonlyArray<string>) =>
  Effect.scoped(
    Effect.suspend(() => {
      const from = performance.now()
      return Effect.map(start(process.execPath, args), () => performance.now() - from)
    })
  )

const prepare = Effect.fnUntraced(function* ({ profile, quick }: Options) {
  const load = yield* Load.make
  if (load === undefined) return { contestants: [], measures: [], notes: [Load.noPlayers] }
  const words = yield* listOf(400_000)
  const profiling = profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`]
  const args: Readonly<Record<string, ReadonlyArray<string>>> = {
    [peers.ours]: ["--expose-gc", ...profiling, file("ours.ts")],
    [peers.raw]: ["--expose-gc", file("raw.ts")]
  }
  const run = (contestant: string) => start(process.execPath, args[contestant]!)
  const servers = new Map<string, Child>()
  for (const contestant of Object.values(peers)) servers.set(contestant, yield* run(contestant))

  const availablePlayers = Memory.descriptors() - 200
  const measureMillis = quick ? 200 : 700
  const drive = (kind: "games" | "turns", players: number) =>
    Effect.fnUntraced(function* (contestant: string) {
      const port = Number(servers.get(contestant)!.firstLine)
      const found = yield* load.play({ kind, port, players: Math.min(players, availablePlayers), measureMillis })
      return kind === "turns" ? found.turns / 1e3 : found.games / 1e3
    })

  const idle = Effect.fnUntraced(function* (contestant: string) {
    const waves = quick ? 1 : 3
    const players = Math.min(quick ? 100 : 2_000, Math.floor(availablePlayers / waves))
    const server = yield* run(contestant)
    const settled = Effect.map(server.request("collect"), () => Memory.ofFamily(server.pid))
    const before = yield* settled
    for (let i = 0; i < waves; i++) yield* load.play({ kind: "hold", port: Number(server.firstLine), players })
    return ((yield* settled) - before) / (waves * players)
  }, Effect.scoped)

  const started = (...more: ReadonlyArray<string>) =>
    Effect.map(
      Effect.forEach(Array.from({ length: quick ? 1 : 5 }), () => timeOfStart([file("ours.ts"), ...more])),
      (times) => Math.min(...times)
    )
  const more = Effect.gen(function* () {
    const without = yield* started()
    return (yield* started(words)) - without
  })

  const measures: ReadonlyArray<Measure> = [
    { name: names.many, unit: "k/s", sample: drive("turns", manyPlayers) },
    { name: names.few, unit: "k/s", sample: drive("turns", 64) },
    { name: names.games, unit: "k/s", sample: drive("games", 16) },
    ...(Memory.isKnown
      ? [{ name: names.idle, unit: "KiB", lowerIsBetter: true, oncePerRound: true, sample: idle }]
      : []),
    {
      name: names.start,
      unit: "ms",
      contestants: [peers.ours],
      lowerIsBetter: true,
      oncePerRound: true,
      sample: () => started()
    },
    {
      name: names.file,
      unit: "ms",
      contestants: [peers.ours],
      lowerIsBetter: true,
      oncePerRound: true,
      sample: () => more
    }
  ]
  const notes =
    availablePlayers < manyPlayers ? [`Only ${availablePlayers} players instead of 5,000: ulimit -n is too low.`] : []
  return { contestants: Object.values(peers), measures, notes }
})

export const benchmark: Benchmark = { name: "hangman", description: about, comparisons, prepare }
