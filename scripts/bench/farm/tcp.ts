/** The cost of a packet that goes to a worker server over TCP, with and without a key. */
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import { type Child, start } from "../child.ts"
import type { Comparison, Measure, Options } from "../harness.ts"
import type { Answer } from "./payloadAnswer.ts"

const packetBytes = 2 ** 16

/** The packets of a sample. */
const packetCount = 10_000

const ways = [
  { name: "64 KiB over TCP: CPU of the farm's side", args: [], maxMicros: 400 },
  { name: "64 KiB over TCP with a key: CPU of the farm's side", args: ["a benchmark needs no secret"] }
] as const

/** The rows: beside each, the CPU time of the same packet on threads of the process. */
export const comparisons = (contestant: string, threadsMeasure: string): ReadonlyArray<Comparison> =>
  ways.map((way) => ({
    ...{ measure: way.name, peer: contestant, peerMeasure: threadsMeasure },
    bar: "maxMicros" in way ? { subject: "figure", comparator: "<=", value: way.maxMicros } : undefined
  }))

const programs = {
  server: new URL("./tcpServer.ts", import.meta.url),
  farm: new URL("./tcpOurs.ts", import.meta.url)
}

/** Starts a server and a farm for each way, and returns their measures. */
export const prepare = Effect.fnUntraced(function* (contestant: string, { profile, quick }: Options) {
  const profiling = profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`]
  const measures: Array<Measure> = []
  for (const { args, name } of ways) {
    const server = yield* start(process.execPath, [fileURLToPath(programs.server), ...args])
    const farmArgs = ["--expose-gc", ...profiling, fileURLToPath(programs.farm), server.firstLine, ...args]
    const farm: Child = yield* start(process.execPath, farmArgs)
    const line = `${quick ? packetCount / 20 : packetCount} ${packetBytes} copied`
    measures.push({
      ...{ name, unit: "us", contestants: [contestant], lowerIsBetter: true },
      sample: () => Effect.map(farm.request(line), (text) => (JSON.parse(text) as Answer).cpuMicrosPerPacket)
    })
  }
  return measures
})
