/** Processor time of the page's server: with nobody watching, with one browser, with ten, and with the most allowed. */
import * as NodeWS from "@effect/platform-node/NodeWS"
import * as Effect from "effect/Effect"
import * as Child from "../child.ts"
import type { Benchmark, Comparison, Measure, Options } from "../harness.ts"

const nobody = "nobody"
const one = "1 browser"
const ten = "10 browsers"
const most = "64 browsers"

const browsers: Readonly<Record<string, number>> = { [nobody]: 0, [one]: 1, [ten]: 10, [most]: 64 }

const cpu = "processor time of the server"
const updates = "updates of a browser"
const traffic = "bytes of a browser"

/** Opens a browser that watches and acknowledges, as effect/rpc does, and counts what it receives. */
const open = (port: number) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly socket: NodeWS.WebSocket; messages: number; bytes: number }, Child.BenchError>(
      (resume) => {
        const socket = new NodeWS.WebSocket(`ws://127.0.0.1:${port}/rpc`)
        const browser = { socket, messages: 0, bytes: 0 }
        const ack = JSON.stringify({ _tag: "Ack", requestId: "1" })
        socket.on("message", (data: Buffer) => {
          browser.messages++
          browser.bytes += data.length
          socket.send(ack)
        })
        socket.once("error", ({ message }) => resume(Effect.fail(new Child.BenchError({ message }))))
        socket.once("open", () => {
          socket.send(JSON.stringify({ _tag: "Request", id: "1", tag: "watch", payload: null, headers: [] }))
          resume(Effect.succeed(browser))
        })
      }
    ),
    ({ socket }) => Effect.sync(() => socket.terminate())
  )

/** Figures of one run: a fraction of a core, and what a browser receives in a second. */
interface Figures {
  readonly cpuPercent: number
  readonly updates: number
  readonly bytes: number
}

const measureServer = ({ request }: Child.Child, port: number, seconds: number) => {
  const micros = Effect.map(request("cpu"), Number)
  return Effect.fnUntraced(function* (contestant: string) {
    const watching = yield* Effect.forEach(Array.from({ length: browsers[contestant]! }), () => open(port))
    // The first, whole state is not one of the updates.
    yield* Effect.sleep("1 second")
    for (const browser of watching) {
      browser.messages = 0
      browser.bytes = 0
    }
    const from = performance.now()
    const before = yield* micros
    yield* Effect.sleep(seconds * 1_000)
    const used = (yield* micros) - before
    const elapsed = (performance.now() - from) / 1_000
    const mean = (figure: "bytes" | "messages") =>
      watching.reduce((sum, browser) => sum + browser[figure], 0) / Math.max(1, watching.length) / elapsed
    return { cpuPercent: used / 1e4 / elapsed, updates: mean("messages"), bytes: mean("bytes") } satisfies Figures
  }, Effect.scoped)
}

const prepare = Effect.fnUntraced(function* ({ quick }: Options) {
  const child = yield* Child.start(process.execPath, [new URL("./server.ts", import.meta.url).pathname])
  const measure = measureServer(child, Number(child.firstLine), quick ? 1 : 10)
  const latest = new Map<string, Figures>()
  const contestants = Object.keys(browsers)
  const watched = contestants.filter((name) => name !== nobody)
  const columns = [
    { name: cpu, unit: "% of a core", figure: "cpuPercent", contestants },
    { name: updates, unit: "1/s", figure: "updates", contestants: watched },
    { name: traffic, unit: "bytes/s", figure: "bytes", contestants: watched }
  ] as const
  const measures = columns.map(
    ({ figure, ...column }, index): Measure => ({
      ...column,
      lowerIsBetter: true,
      oncePerRound: true,
      // The first column of a round runs the browsers, the others read what it has measured.
      sample: (contestant) =>
        Effect.gen(function* () {
          if (index === 0 || !latest.has(contestant)) latest.set(contestant, yield* measure(contestant))
          return latest.get(contestant)![figure]
        })
    })
  )
  return { contestants, measures, notes: [] }
})

const atMost = (value: number) => ({ subject: "figure", comparator: "<=", value }) as const

const comparisons: ReadonlyArray<Comparison> = [
  { measure: cpu, peer: one, bar: atMost(2) },
  { measure: cpu, contestant: ten, peer: one, bar: atMost(10) },
  { measure: cpu, contestant: most, peer: ten },
  { measure: updates, contestant: ten, peer: one, bar: atMost(5) }
]

const description = `The server of the page in a process of its own, with 8 services, 200 connections and 100 transfers that change
1,000 times a second in all; the change itself counts too. Browsers are WebSockets of the benchmark's process that read
and acknowledge. *Processor time* is user and system time of the server's process over 10 s, also of its other threads.
Nobody watching: the sources are not read. Ten browsers cost little more than one, since an update is encoded once.`

export const benchmark: Benchmark = { name: "page", description, comparisons, overview: true, maxRounds: 3, prepare }
