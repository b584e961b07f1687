/** The memory of a server while 64 clients download a file of 1 GiB from it, for a minute. */
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import { start } from "../child.ts"
import type { Comparison, Measure, Options } from "../harness.ts"
import * as Proc from "./proc.ts"
import { isHere, names, type Stage, sparse } from "./stage.ts"

const raw = fileURLToPath(new URL("raw.ts", import.meta.url))

const load = "64 downloads of 1 GiB"
const measure = {
  most: `${load}: resident, most over idle`,
  growth: `${load}: growth in a minute`,
  rate: `${load}: moved`
} as const

const peer = names.atftpd

/** Returns the seconds of the run, of its start that does not count as growth, and between two samples. */
const period = (quick: boolean) => (quick ? { all: 3, start: 1, step: 0.1 } : { all: 60, start: 15, step: 0.5 })

/** A sample of the memory. */
interface Sample {
  /** Seconds since the downloads began. */
  readonly at: number
  /** MiB over idle. */
  readonly over: number
}

/** The slope of the line that fits best, in MiB a minute. */
const slope = (samples: ReadonlyArray<Sample>): number => {
  const mean = (of: (each: Sample) => number) => samples.reduce((sum, each) => sum + of(each), 0) / samples.length
  const [at, over] = [mean((each) => each.at), mean((each) => each.over)]
  const covariance = mean((each) => (each.at - at) * (each.over - over))
  return (60 * covariance) / mean((each) => (each.at - at) ** 2)
}

export const measures = (stage: Stage, { quick }: Options): ReadonlyArray<Measure> => {
  if (!Proc.hasMemory) return []
  const { all, start: warm, step } = period(quick)
  const found = new Map<string, { readonly growth: number; readonly rate: number }>()
  const run = Effect.fnUntraced(function* (contestant: string) {
    const { address, pid, port } = yield* stage.fresh(contestant)
    const idle = Proc.resident(pid)
    const client = yield* start(process.execPath, [raw, address, String(port), sparse, "64", "65464", "64"])
    const began = performance.now()
    const samples: Array<Sample> = []
    while (performance.now() - began < all * 1_000) {
      yield* Effect.sleep(step * 1_000)
      samples.push({ at: (performance.now() - began) / 1_000, over: Proc.resident(pid) - idle })
    }
    const bytes = Number(yield* client.request("bytes"))
    const growth = slope(samples.filter(({ at }) => at > warm))
    found.set(contestant, { growth, rate: bytes / (performance.now() - began) / 1e3 })
    return Math.max(...samples.map(({ over }) => over))
  }, Effect.scoped)
  const also = (figure: "growth" | "rate") => (contestant: string) => Effect.sync(() => found.get(contestant)![figure])
  const of = [names.ours, peer].filter(isHere)
  return [
    { name: measure.most, unit: "MiB", contestants: of, lowerIsBetter: true, oncePerRound: true, sample: run },
    {
      name: measure.growth,
      unit: "MiB",
      contestants: of,
      lowerIsBetter: true,
      oncePerRound: true,
      sample: also("growth")
    },
    { name: measure.rate, unit: "MB/s", contestants: of, oncePerRound: true, sample: also("rate") }
  ]
}

/** The growth that counts as none, in MiB per minute: less than a block for each of the 64 transfers. */
const growthLimit = 4

export const comparisons: ReadonlyArray<Comparison> = [
  { measure: measure.most, peer, bar: { subject: "figure", comparator: "<=", value: 64 } },
  { measure: measure.growth, peer, bar: { subject: "figure", comparator: "<=", value: growthLimit } },
  { measure: measure.rate, peer }
]
