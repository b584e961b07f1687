/** Benchmark of the package's rot13 server against a raw `node:net` server and a C server with a process per client. */
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import { BenchError, type Child, compileC, cpus, start } from "../child.ts"
import type { Benchmark, Comparison, Measure, Options } from "../harness.ts"
import type { Answer, Request } from "./load.ts"
import * as Memory from "./memory.ts"

const peers = { ours: "ours", raw: "node:net", c: "C, fork" } as const

const names = {
  one: "64 B round trips, 1 connection",
  many: "64 B round trips, 64 connections",
  through: "64 KiB writes, through and back",
  churn: "connect, 64 B round trip, close",
  idle: "memory per idle connection",
  rotation: "the rotation alone"
} as const

const atLeast = (value: number) => ({ subject: "ratio", comparator: ">=", value }) as const
const atMost = (value: number) => ({ subject: "ratio", comparator: "<=", value }) as const

const comparisons: ReadonlyArray<Comparison> = [
  { measure: names.one, peer: peers.raw, bar: atLeast(0.9) },
  { measure: names.one, peer: peers.c },
  { measure: names.many, peer: peers.raw, bar: atLeast(0.9) },
  { measure: names.many, peer: peers.c },
  { measure: names.through, peer: peers.raw, bar: atLeast(0.9) },
  { measure: names.through, peer: peers.c, bar: atLeast(0.6) },
  { measure: names.churn, peer: peers.raw, bar: atLeast(0.75) },
  { measure: names.churn, peer: peers.c },
  { measure: names.idle, peer: peers.raw, bar: atMost(1.5) },
  { measure: names.idle, peer: peers.c },
  { measure: names.rotation, peer: peers.ours, peerMeasure: names.through, bar: atLeast(3) }
]

const about = `Our server, a raw \`node:net\` server with the same rotation, and a C server that forks for every client:
each in its own process, the clients in another (\`node:net\`, the same for all), over loopback with TCP_NODELAY.

- *1 connection*: client and server run on one CPU. On two, the time measured is that of waking a sleeping CPU.
- *Through and back*: one connection writes 64 KiB chunks as fast as possible and reads all that returns; payload of
  one direction.
- *Connect, round trip, close*: 16 clients at a time, each closed on both sides before the next.
- *Memory per idle connection*: 6,000 connections in waves of 2,000 that had one reply each (500 for C: each has a
  process); growth of the server's private memory after a full garbage collection, without the kernel's share.
- *The rotation alone*: 64 KiB in memory, compared with the server's throughput.`

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))

const ask = Effect.fnUntraced(function* (load: Child, request: Request) {
  const answer = JSON.parse(yield* load.request(JSON.stringify(request))) as Answer
  return "error" in answer ? yield* new BenchError({ message: `${request.kind}: ${answer.error}` }) : answer.figure
})

interface Party {
  readonly load: Child
  readonly servers: ReadonlyMap<string, Child>
}

/** Command line of a server process. */
type Command = readonly [program: string, ...args: ReadonlyArray<string>]

const prepare = Effect.fnUntraced(function* ({ profile, quick }: Options) {
  const rot13d = yield* compileC(file("rot13d.c"))
  const node = (name: string, ...flags: ReadonlyArray<string>): Command => [process.execPath, ...flags, file(name)]
  const profiling = profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`]
  const commands = new Map<string, Command>([
    [peers.ours, node("ours.ts", "--expose-gc", ...profiling)],
    [peers.raw, node("raw.ts", "--expose-gc")],
    ...(rot13d === undefined ? [] : [[peers.c, [rot13d] satisfies Command] as const])
  ])
  const contestants = [...commands.keys()]
  const run = ([program, ...args]: Command, cpu?: number) => start(program, args, { cpu })
  const gather = Effect.fnUntraced(function* (cpu?: number) {
    const servers = new Map<string, Child>()
    for (const [name, command] of commands) servers.set(name, yield* run(command, cpu))
    const party: Party = { load: yield* run(node("load.ts"), cpu), servers }
    return party
  })
  const free = yield* gather()
  const together = cpus.length > 1 ? yield* gather(cpus[0]) : free

  const period = quick ? { warm: 20, measure: 60 } : { warm: 50, measure: 200 }
  const drive = (kind: Request["kind"], connections: number, scale: number, { load, servers }: Party = free) =>
    Effect.fnUntraced(function* (contestant: string) {
      const port = Number(servers.get(contestant)!.firstLine)
      return (yield* ask(load, { kind, port, connections, ...period })) / scale
    })

  const idle = Effect.fnUntraced(function* (contestant: string) {
    const isNode = contestant !== peers.c
    const waves = isNode && !quick ? 3 : 1
    const wave = Math.min(quick ? 50 : isNode ? 2_000 : 500, Math.floor((Memory.descriptors() - 100) / waves))
    const server = yield* run(commands.get(contestant)!)
    const request = { port: Number(server.firstLine), connections: wave, ...period }
    const settled = Effect.map(isNode ? server.request("collect") : Effect.void, () => Memory.ofFamily(server.pid))
    const before = yield* settled
    for (let i = 0; i < waves; i++) yield* ask(free.load, { kind: "hold", ...request })
    const after = yield* settled
    yield* ask(free.load, { kind: "drop", ...request })
    return (after - before) / (waves * wave)
  }, Effect.scoped)

  const measures: ReadonlyArray<Measure> = [
    { name: names.one, unit: "k/s", sample: drive("roundTrips", 1, 1e3, together) },
    { name: names.many, unit: "k/s", sample: drive("roundTrips", 64, 1e3) },
    { name: names.through, unit: "MB/s", sample: drive("throughput", 1, 1e6) },
    { name: names.churn, unit: "k/s", sample: drive("connections", 16, 1e3) },
    { name: names.rotation, unit: "MB/s", contestants: [peers.ours], sample: drive("rotation", 1, 1e6) },
    ...(Memory.isKnown
      ? [{ name: names.idle, unit: "KiB", lowerIsBetter: true, oncePerRound: true, sample: idle }]
      : [])
  ]
  const notes = [
    ...(rot13d === undefined ? ["The C server was left out: cc is not installed."] : []),
    ...(Memory.isKnown ? [] : ["Memory was left out: it is read from /proc, which does not exist."]),
    ...(together === free
      ? ["One connection: its two processes were not kept on one CPU: taskset is not installed."]
      : [])
  ]
  return { contestants, measures, notes }
})

export const benchmark: Benchmark = { name: "rot13", description: about, comparisons, prepare }
